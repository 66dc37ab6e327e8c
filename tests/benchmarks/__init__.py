"""Speed, as ratios of one run: `make bench`. Nothing here is asserted by the tests."""
