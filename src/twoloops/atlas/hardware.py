"""Accelerators and edge modules, and the two figures by which chip rules sort them.

Total processing performance and performance density as the Technical Notes 1, 3 and 4 to ECCN
3A090 define them (88 FR 73458):

    TPP = 2 × MacTOPS × bit length of the operation, dense, over all processing units
    performance density = TPP / applicable die area in mm²

A maker's TOPS or FLOPS count a multiply-accumulate as two operations, so that TPP = dense TOPS ×
bit length. The applicable die area is that of logic dies of non-planar transistors.
"""

from datetime import date

import msgspec

from twoloops.atlas.tables import table
from twoloops.records.errors import UserError

FORMULA = "TPP = dense TOPS × bit length; performance density = TPP / die area"
FORMULA_SOURCE = "ctl-88fr73458"


class Device(msgspec.Struct, frozen=True):
    """A circuit or module.

    Args:
        name: As the maker calls it.
        maker: Who makes it.
        tops: Dense operations per second, in 10^12, at `bits`: the pair that gives most TPP.
        bits: Bit length of the operation.
        source: Id of the source.
        as_of: When the figures were looked at; `None` for a device that somebody declares.
        aliases: Other names, separated by `|`.
        format: Number format of the operation.
        die_area_mm2: Applicable die area; `None` where it was not seen.
        dram_bandwidth_gb_s: Memory bandwidth in GB/s; `None` where it was not seen.
        datacentre: `yes` or `no`: whether it is designed or marketed for datacentres.
        note: What else is to be known of the figures.
    """

    name: str
    maker: str
    tops: float
    bits: int
    source: str
    as_of: date | None = None
    aliases: str = ""
    format: str = ""
    die_area_mm2: float | None = None
    dram_bandwidth_gb_s: float | None = None
    datacentre: str | None = None
    note: str = ""

    @property
    def tpp(self) -> float:
        """Total processing performance."""
        return total_processing_performance(self.tops, self.bits)

    @property
    def density(self) -> float | None:
        """Performance density per mm², or `None` without a die area."""
        return performance_density(self.tpp, self.die_area_mm2)

    @property
    def shown(self) -> str:
        """Both figures with their arithmetic."""
        word = f"TPP = {self.tops:,g} dense TOPS × {self.bits} bits = {self.tpp:,.0f}"
        if self.density is None:
            return f"{word}; performance density not computed: no die area"
        return (
            f"{word}; performance density = {self.tpp:,.0f} / {self.die_area_mm2:g} mm² = "
            f"{self.density:.2f}"
        )


def total_processing_performance(tops: float, bits: int) -> float:
    """Return TPP.

    Args:
        tops: Dense operations per second in 10^12, a multiply-accumulate counted as two.
        bits: Bit length of the operation.

    >>> total_processing_performance(600, 8), total_processing_performance(300, 16)
    (4800, 4800)
    """
    return tops * bits


def performance_density(tpp: float, die_area_mm2: float | None) -> float | None:
    """Return TPP per mm² of applicable die area, or `None` without one.

    >>> performance_density(4800, 800), performance_density(4800, None)
    (6.0, None)
    """
    return None if die_area_mm2 is None else tpp / die_area_mm2


def devices() -> tuple[Device, ...]:
    """Return the packaged table."""
    return table("hardware", Device)


def device(name: str, known: tuple[Device, ...] | None = None) -> Device:
    """Return the device of a name or alias, whatever its case.

    Raises:
        UserError: The table has none of that name.
    """
    among = devices() if known is None else known
    wanted = name.strip().casefold()
    for one in among:
        if wanted in (one.name.casefold(), *one.aliases.casefold().split("|")):
            return one
    raise UserError(
        f"no hardware {name!r} in the table: it has {', '.join(one.name for one in among)}; "
        "declare another with  --tops, --bits and --die-area"
    )
