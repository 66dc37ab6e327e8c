"""Causal attention and an embedding read the other way, alone and as a small GPT-2.

In: PyTorch's own attention with a mask, and GPT-2 written by hand after its paper. Out: the same values and gradients.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import archdsl
from archdsl.codegen.layers.attention import CausalAttention
from archdsl.resources import specs_path

DIM, DEPTH, HEADS, VOCAB, CONTEXT = 24, 3, 4, 50, 10


@pytest.fixture(autouse=True)
def _same_numbers() -> None:
    torch.manual_seed(0)


# ---------------------------------------------------------------- attention


@pytest.mark.parametrize("bias", [True, False])
def test_causal_attention_is_pytorchs_with_a_mask(bias: bool) -> None:
    ours = CausalAttention(12, 3, bias=bias).double()
    theirs = nn.MultiheadAttention(12, 3, bias=bias, batch_first=True).double()
    for parameter in ours.parameters():
        nn.init.normal_(parameter, std=0.5)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 7, 12, dtype=torch.double, requires_grad=True)
    later = torch.ones(7, 7, dtype=torch.bool).triu(1)
    expected, got = theirs(x, x, x, attn_mask=later)[0], ours(x)
    torch.testing.assert_close(got, expected)
    direction = torch.randn_like(expected)
    wanted = torch.autograd.grad(expected, [x, *theirs.parameters()], direction)
    found = torch.autograd.grad(got, [x, *ours.parameters()], direction)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other)


def test_no_position_sees_a_later_one() -> None:
    layer = CausalAttention(12, 3)
    x = torch.randn(1, 7, 12, requires_grad=True)
    made = layer(x)
    for position in range(7):
        (seen,) = torch.autograd.grad(made[0, position].sum(), x, retain_graph=True)
        assert seen[0].abs().sum(1).ne(0).tolist() == [other <= position for other in range(7)]


def test_dropout_drops_in_training_alone() -> None:
    layer = CausalAttention(12, 3, dropout=0.5)
    x = torch.randn(2, 7, 12)
    assert not torch.equal(layer(x), layer(x))
    layer.eval()
    assert torch.equal(layer(x), layer(x))


# ---------------------------------------------------------------- the embedding


TIED = "input 5\nshare words = embed 11 4\nwords -> ln -> words"


def test_a_head_that_is_tied_to_the_embedding_has_its_matrix() -> None:
    made = archdsl.loads(TIED).module(seed=0)
    ids = torch.tensor([[1, 4, 0, 10, 3]])
    (matrix,) = (weight for weight in made.parameters() if weight.shape == (11, 4))
    torch.testing.assert_close(made(ids), F.layer_norm(matrix[ids], (4,)) @ matrix.T)
    assert sum(weight.numel() for weight in made.parameters()) == 11 * 4 + 2 * 4


# ---------------------------------------------------------------- the network


class _Decoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(DIM)
        self.c_attn = nn.Linear(DIM, 3 * DIM)
        self.c_proj = nn.Linear(DIM, DIM)
        self.ln_2 = nn.LayerNorm(DIM)
        self.c_fc = nn.Linear(DIM, 4 * DIM)
        self.mlp_proj = nn.Linear(4 * DIM, DIM)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.c_attn(self.ln_1(x)).split(DIM, 2)
        q, k, v = (part.view(len(x), -1, HEADS, DIM // HEADS).transpose(1, 2) for part in parts)
        logits = q @ k.mT / math.sqrt(DIM // HEADS)
        hidden = torch.ones(logits.shape[-2:]).triu(1).bool()
        shares = logits.masked_fill(hidden, -math.inf).softmax(-1)
        x = x + self.c_proj((shares @ v).transpose(1, 2).flatten(2))
        y = self.c_fc(self.ln_2(x))
        y = 0.5 * y * (1 + torch.tanh(math.sqrt(2 / math.pi) * (y + 0.044715 * y**3)))
        made: Tensor = x + self.mlp_proj(y)
        return made


class _GPT2(nn.Module):
    """By hand: Radford et al., 2018 and 2019; the GELU is Hendrycks & Gimpel's formula with the tanh."""

    def __init__(self) -> None:
        super().__init__()
        self.wte = nn.Parameter(torch.empty(VOCAB, DIM))
        self.wpe = nn.Parameter(torch.empty(CONTEXT, DIM))
        self.h = nn.Sequential(*(_Decoder() for _ in range(DEPTH)))
        self.ln_f = nn.LayerNorm(DIM)

    def forward(self, ids: Tensor) -> Tensor:
        made: Tensor = self.ln_f(self.h(self.wte[ids] + self.wpe)) @ self.wte.T
        return made


def test_a_small_gpt2_is_the_papers() -> None:
    sizes: dict[str, str | int | float] = {"dim": DIM, "depth": DEPTH, "heads": HEADS}
    net = archdsl.load(specs_path() / "gpt2" / "gpt2.arch", settings={**sizes, "vocab": VOCAB, "context": CONTEXT})
    ours = net.module(seed=0).double().eval()
    theirs = _GPT2().double()
    pairs = list(zip(ours.parameters(), theirs.parameters(), strict=True))
    with torch.no_grad():
        for own, other in pairs:
            assert own.squeeze(0).shape == other.shape
            own.normal_(std=0.3)
            other.copy_(own.squeeze(0))
    ids = torch.randint(VOCAB, (2, CONTEXT))
    expected, got = theirs(ids), ours(ids)
    torch.testing.assert_close(got, expected)
    direction = torch.randn_like(expected)
    expected.backward(direction)
    got.backward(direction)
    for own, other in pairs:
        assert own.grad is not None
        assert other.grad is not None
        torch.testing.assert_close(own.grad.squeeze(0), other.grad)
