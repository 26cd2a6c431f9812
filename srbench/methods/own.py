"""A user's method in Python: an object with ``upscale``, or a function from LR to SR."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from ..errors import MethodError, SizeMismatch, SrbenchError
from ..files import same_folder
from ..fingerprint import source_fingerprint
from ..imaging import require_image
from ..imaging.luma import Image
from .base import ImageId, Method

_WORDS = "psnr", "ssim", "lpips"
"""Words that select several metrics."""
_WHOLE = "name", "scale", "timed", "trained_on_metric", "fingerprint", "prepare", "upscale"


class OwnMethod:
    """``thing.upscale(lr)``, or ``thing(lr)``: uint8 in and out, ``scale`` times the size.

    Optional attributes: ``name`` (default: of the class or function), ``scale`` (must be the
    run's), ``version`` (default: a hash of the source is the fingerprint), ``trained_on_metric``.
    """

    timed = True

    def __init__(self, thing: Any, name: str, scale: int) -> None:
        self.name, self.scale = name, scale
        # The user's object or function; errors appear when it is called.
        self._upscale: Callable[[Image], Any] = getattr(thing, "upscale", thing)
        self._thing = thing
        version = getattr(thing, "version", None)
        self._identity = source_fingerprint(thing) if version is None else f"version {version}"

    @property
    def trained_on_metric(self) -> str | None:
        """The attribute of the object."""
        return getattr(self._thing, "trained_on_metric", None)

    def fingerprint(self, source: ImageId) -> str:
        """The version, or the hash of the source."""
        return f"own {self.name} {self.scale} {self._identity}"

    def prepare(self) -> None:
        """Call the object's ``prepare``, if it has one."""
        own = getattr(self._thing, "prepare", None)
        if callable(own):
            self._told(own)

    def upscale(self, lr: Image, source: ImageId | None = None) -> Image:
        """The object's result for a copy of ``lr``.

        Raises:
            MethodError: it raised, or did not return a uint8 image.
            SizeMismatch: the image has the wrong size or channels.
        """
        sr = self._told(self._upscale, lr.copy())
        if hasattr(sr, "detach"):
            raise MethodError(
                f"{self.name} returned a tensor, expected a uint8 array of shape (H, W, 3) or (H, "
                "W)"
            )
        try:
            require_image(f"the result of {self.name}", sr)
        except SrbenchError as error:
            raise MethodError(str(error)) from error
        expected = (lr.shape[0] * self.scale, lr.shape[1] * self.scale, *lr.shape[2:])
        if sr.shape != expected:
            raise SizeMismatch(
                f"{self.name} returned an image of shape {sr.shape}, expected {expected}"
            )
        return sr

    def _told(self, call: Callable[..., Any], *arguments: Any) -> Any:
        try:
            with same_folder():
                return call(*arguments)
        except (SrbenchError, KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:  # a method that calls exit() must not end a run
            text = " ".join(str(error).split())[:300]
            raise MethodError(f"{self.name} raised {type(error).__name__}: {text}") from error


def own_method(thing: Any, scale: int, check_name: Callable[[str], str]) -> Method:
    """The method for an object: ours unchanged, a user's wrapped.

    Raises:
        MethodError: it is not a method, or has another scale.
        UnknownName: it has no name, or one of ours.
    """
    try:
        return _wrapped(thing, scale, check_name)
    except SrbenchError:
        raise
    except Exception as error:  # from a property that raises
        text = " ".join(str(error).split())[:300]
        raise MethodError(
            f"a {type(thing).__name__} raised {type(error).__name__}: {text}"
        ) from error


def _wrapped(thing: Any, scale: int, check_name: Callable[[str], str]) -> Method:
    if inspect.isclass(thing):
        raise MethodError(f"{thing.__name__} is a class; give an instance: {thing.__name__}()")
    if not callable(getattr(thing, "upscale", thing)):
        raise MethodError(
            f"a {type(thing).__name__} is not a method; expected a name, an object with "
            "upscale(lr), or a function of lr"
        )
    stated = getattr(thing, "scale", scale)
    if stated != scale:
        raise MethodError(f"{type(thing).__name__} enlarges x{stated}, but the run is x{scale}")
    trained = getattr(thing, "trained_on_metric", None)
    if trained is not None and (not isinstance(trained, str) or trained in _WORDS):
        raise MethodError(
            f"{type(thing).__name__}.trained_on_metric is {trained!r:.60}, expected the name of "
            "one metric as in scores.csv, such as lpips_alex"
        )
    if all(hasattr(thing, part) for part in _WHOLE):
        return thing
    name = getattr(thing, "name", None) or getattr(thing, "__name__", type(thing).__name__)
    return OwnMethod(thing, check_name(str(name)), scale)
