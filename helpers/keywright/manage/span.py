"""How long something lasts, in words."""

import math


def span(seconds: float) -> str:
    """Return a span in words of two units at most: `2h 10m`, `48m 12s`, `7s`; `-` once it is over."""
    whole = int(seconds)
    if whole <= 0:
        return "-"
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    parts = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else "", f"{rest}s" if rest and not hours else ""]
    return " ".join(part for part in parts if part)


def left(seconds: float) -> str:
    """Return how long something lasts still, a second begun as a whole one: what is not over has no `-`."""
    return span(math.ceil(seconds))
