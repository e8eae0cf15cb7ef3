"""Training of members one by one."""

from mtl_nas.training import Check, Checkpoint, Fit, Member


def advance(member: Member, share: float = 1.0) -> Check:
    """The best check of a member that is trained alone."""
    (check,) = Fit(member).advance(share)
    assert isinstance(check, Check)
    return check


def restored(member: Member, saved: bytes | None) -> Member:
    if saved is not None:
        member.restore(Checkpoint.from_bytes(saved))
    return member
