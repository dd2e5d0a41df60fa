"""Four eyes are those of two people with accounts, and nothing that they rest on is replaced.

A release that waits under four eyes, and whose job was sent by a key of nobody's account, can be rejected but not
approved from now on. Down again the triggers stay: they refuse more than the version before, and fit its tables.
"""

from __future__ import annotations

from migrations import four_eyes

revision = "0009"
down_revision: str | None = "0008"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    four_eyes.drop()
    four_eyes.create()


def downgrade() -> None:
    """Nothing of the tables has changed."""
