"""The table of our metrics, and the metrics for words from the command line, files and Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from types import MappingProxyType
from typing import Any

from ..errors import ConfigError, UnknownName, unknown_name
from .base import Facts, Metric
from .dists import Dists
from .lpips import LpipsMetric
from .lr_psnr import LrPsnr
from .niqe import Niqe
from .protocols import PROTOCOLS, LumaMetric, get_protocol
from .rgb import RgbMetric

OURS: tuple[Metric, ...] = (
    *(LumaMetric(protocol) for protocol in PROTOCOLS.values()),
    *(LpipsMetric(net) for net in ("alex", "squeeze", "vgg")),
    RgbMetric(),
    LrPsnr(),
    Niqe(),
    Dists(),
)
"""In the order of tables and figures."""

_FACTS = tuple(facts for metric in OURS for facts in metric.facts)
_LIBRARIES: Mapping[str, str] = MappingProxyType(
    {"piq": ".piq", "torchmetrics": ".torchmetrics", "pyiqa": ".pyiqa"}
)
"""Libraries with metrics ``library:name``, and the modules that adapt them."""

NETS = tuple(f.name.removeprefix("lpips_") for f in _FACTS if f.word == "lpips")
"""LPIPS' networks."""


def words() -> list[str]:
    """All words that select one of our metrics."""
    return list(dict.fromkeys(name for f in _FACTS for name in (f.word or f.name, f.name)))


def find_metrics(
    chosen: Sequence[object],
    *,
    protocols: Sequence[str] = ("matlab",),
    nets: Sequence[str] = ("alex",),
) -> list[Metric]:
    """The metrics for words and objects: ours in the order of the table, then others.

    Args:
        chosen: words (``psnr``, ``ssim_y``, ``lpips``, ``niqe``), ``piq:NAME`` and the like,
            ``NAME=FILE.py:function``, ``NAME=module:attribute``; functions and :class:`Metric`.
        protocols: the protocols for ``psnr`` and ``ssim``.
        nets: the networks for ``lpips``; ``lpips_vgg`` always means this network.

    Raises:
        UnknownName: there is no such metric, protocol or network; the message suggests the nearest.
        ConfigError: a metric is named twice, or no metric is left.
        SrbenchError: a user's metric cannot be loaded, or is not a valid metric.
    """
    for protocol in protocols:
        get_protocol(protocol)
    for net in nets:
        if net not in NETS:
            raise unknown_name("LPIPS network", net, NETS)
    wanted: set[Facts] = set()
    others: list[Metric] = []
    for choice in chosen:
        word = choice.lower() if isinstance(choice, str) else None
        ours = [facts for facts in _FACTS if word in (facts.word, facts.name)]
        if word and ours:
            wanted |= {facts for facts in ours if _is_meant(facts, word, protocols, nets)}
        else:
            others.append(_somebodys(choice))
    selected = [part for m in OURS if (part := m.only(wanted)).facts] + others
    _refuse_repeated([facts for metric in selected for facts in metric.facts])
    if not selected:
        raise ConfigError(f"no metric is left to score; name some of: {', '.join(words())}")
    return selected


def refuse_unused(
    chosen: Sequence[object],
    *,
    protocols: Sequence[str] | None = None,
    nets: Sequence[str] | None = None,
) -> None:
    """Refuse protocols or LPIPS networks that a user gave (None: not given) for other metrics.

    Raises:
        ConfigError: they would change none of the metrics in ``chosen``.
    """
    said = {choice.lower() for choice in chosen if isinstance(choice, str)}
    luma = {name for f in _FACTS if f.protocol in PROTOCOLS for name in (f.word, f.name)}
    if protocols is not None and not said & luma:
        raise ConfigError(
            "a protocol is for psnr and ssim, and the metrics name neither; add one of them, or "
            "leave the protocol out"
        )
    if nets is not None and "lpips" not in said:
        raise ConfigError(
            "an LPIPS network is for lpips, which the metrics do not name; add lpips, or leave the "
            "network out"
        )


def _is_meant(facts: Facts, word: str, protocols: Sequence[str], nets: Sequence[str]) -> bool:
    if facts.protocol in PROTOCOLS:
        return facts.protocol in protocols
    if facts.word != "lpips" or word == facts.name:
        return True
    return facts.name.removeprefix("lpips_") in nets


def _somebodys(choice: object) -> Metric:
    if not isinstance(choice, str):
        from .own import own_metric

        return own_metric(choice)
    name, equals, place = choice.partition("=")
    if equals:
        from .own_files import load_metric

        return load_metric(name.strip(), place.strip())
    library, colon, its_name = choice.partition(":")
    if colon and library in _LIBRARIES:
        adapter: Callable[[str], Metric] = import_module(
            _LIBRARIES[library], __package__
        ).find_metric
        return adapter(its_name)
    if colon:
        raise UnknownName(
            f"unknown metric '{choice}'; for your own metric give a name first: NAME={choice}; "
            f"libraries are:  {', '.join(f'{name}:NAME' for name in _LIBRARIES)}"
        )
    raise unknown_name("metric", choice, words())


def _refuse_repeated(found: Sequence[Facts]) -> None:
    keys = [facts.key for facts in found]
    for protocol, name in keys:
        if keys.count((protocol, name)) > 1:
            raise ConfigError(f"the metric '{name}' ({protocol}) is named twice; name each once")


class Known:
    """The facts of the metrics in a table of scores: ours, and those recorded by a run."""

    def __init__(self, recorded: Iterable[Facts] = ()) -> None:
        recorded = tuple(recorded)
        self._recorded = {facts.name: facts for facts in recorded}
        self._exactly = {facts.key: facts for facts in recorded} | _OURS_BY_KEY
        self._protocols = {facts.protocol: facts for facts in recorded}

    def __contains__(self, name: object) -> bool:
        return name in _OURS_BY_NAME or name in self._recorded

    def __getitem__(self, name: str) -> Facts:
        """The facts of the metric with this name; for an unknown one, only the name."""
        return _OURS_BY_NAME.get(name) or self._recorded.get(name) or Facts(name, "")

    def under(self, name: str, protocol: str) -> Facts:
        """The facts of a metric in this protocol."""
        if (protocol, name) in self._exactly:
            return self._exactly[protocol, name]
        facts = self[name]
        there = self.protocol(protocol)
        return replace(
            facts, protocol=protocol, protocol_label=there.protocol_label, about=there.about
        )

    def protocol(self, name: str) -> Facts:
        """The facts of any metric in this protocol, for facts about the protocol."""
        return _OURS_BY_PROTOCOL.get(name) or self._protocols.get(name) or Facts(name, name)

    def order(self, name: str) -> tuple[int, str]:
        """Sort key of metrics: ours in the order of the table, then others by name."""
        return _order(name, _OURS_BY_NAME)

    def protocol_order(self, name: str) -> tuple[int, str]:
        """Sort key of protocols, in the same way."""
        return _order(name, _OURS_BY_PROTOCOL)


_OURS_BY_NAME = {facts.name: facts for facts in _FACTS}
_OURS_BY_KEY = {facts.key: facts for facts in _FACTS}
_OURS_BY_PROTOCOL = {facts.protocol: facts for facts in _FACTS}


def _order(name: str, known: dict[str, Any]) -> tuple[int, str]:
    names = list(known)
    return (names.index(name) if name in known else len(names), name)
