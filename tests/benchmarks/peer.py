"""The peer of the first comparison: torchinfo on torchvision's ResNet-152, as a whole process."""

from __future__ import annotations

from torchinfo import summary

from tests.torchvision_cpu import load

if __name__ == "__main__":
    summary(load().resnet152(), (1, 3, 224, 224))
