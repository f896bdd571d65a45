"""What a validator found wrong, and which of the right words was likely meant."""

from __future__ import annotations

import difflib
import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Location = tuple[int | str, ...]

# Comparing with a million columns of a table would take minutes.
_MOST_CHOICES = 10_000


class Mistake(ValueError):  # noqa: N818 - named for what it tells the user
    """What a validator found wrong.

    Args:
        wanted: What would have been right.
        at: The field it is about, relative to the value being validated.
        found: What was found, where the value itself does not say it.
        suggestion: A likely correction.
    """

    def __init__(
        self,
        wanted: str,
        *,
        at: Location = (),
        found: str | None = None,
        suggestion: str | None = None,
    ) -> None:
        super().__init__(wanted)
        self.wanted = wanted
        self.at = at
        self.found = found
        self.suggestion = suggestion


class Mistakes(ValueError):  # noqa: N818 - named for what it tells the user
    """Several mistakes that one validator found."""

    def __init__(self, *mistakes: Mistake) -> None:
        super().__init__("; ".join(str(mistake) for mistake in mistakes))
        self.mistakes = mistakes


def closest(word: str, choices: Iterable[str]) -> str | None:
    """The choice that `word` is likely a misspelling of, or None."""
    folded = {choice.lower(): choice for choice in itertools.islice(choices, _MOST_CHOICES)}
    letters = sorted(word.lower())
    # The right letters in a wrong order are the likeliest slip; difflib counts each swap twice.
    same = [choice for choice in folded if choice == word.lower()]
    swapped = same or [choice for choice in folded if sorted(choice) == letters]
    matches = swapped or difflib.get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    return folded[matches[0]] if matches else None


def meant(word: str, choices: Iterable[str]) -> str:
    """`; did you mean 'train'?`, for the end of a message; empty where nothing is close."""
    near = closest(word, choices)
    return f"; did you mean '{near}'?" if near else ""


def one_of(word: str, choices: Iterable[str], *, kind: str, at: Location = ()) -> None:
    """Checks a name against those that exist.

    Args:
        word: The name found.
        choices: The names that exist.
        kind: What they name, for the message ("an agent").
        at: Where the name is, relative to the value being validated.

    Raises:
        Mistake: It is none of them.
    """
    known = tuple(choices)
    if word not in known:
        wanted = f"{kind}: {', '.join(known) or 'none is installed'}"
        raise Mistake(wanted, at=at, suggestion=closest(word, known))
