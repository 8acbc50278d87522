"""The NOTICE: what has to go with a model, and the way each of it came."""

from twoloops.digital.publish.sidecar import Sidecar


def notice(sidecar: Sidecar) -> str:
    """Return the text: licence, base and its ancestors as stated, obligations with their paths.

    It says what the tables at hand know; it is no legal advice and says so.
    """
    base = sidecar.base
    lines = [
        f"{sidecar.card.task}: model {sidecar.model}",
        "",
        f"Published under: {sidecar.licence}",
        *([f"Published by: {sidecar.publisher}"] if sidecar.publisher else []),
        "",
        "Made from:",
        "",
    ]
    if base is None:
        lines.append(f"  {sidecar.card.base} ({sidecar.card.base_digest}); its card is not at hand")
    else:
        lines.append(
            f"  {base.name}, revision {base.revision} ({base.publisher}; origin {base.origin}; "
            f"{base.licence})"
        )
        lines += [
            f"    {one.relation} {one.name} ({one.publisher}; {one.licence}; {one.source})"
            for one in base.lineage
        ]
    lines += [f"  taught by {teacher}" for teacher in sidecar.teachers]
    lines += ["", "What goes with it, as far as it is known:", ""]
    for one in sidecar.obligations:
        own = one.obligation
        lines += [f"  {own.kind}: {own.text}", f"    stated in: {own.source}"]
        lines += [f"    path: {' -> '.join(one.path)}"]
    if not sidecar.obligations:
        lines.append("  nothing found")
    if sidecar.confirmed:
        lines += ["", f"To what needs a person's word, the publisher said: {sidecar.confirmed}"]
    lines += ["", "This list is computed from dated tables; it is no legal advice.", ""]
    return "\n".join(lines)
