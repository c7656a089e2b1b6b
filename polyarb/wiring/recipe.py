"""What a run is made of, written down beside the journal so that it can be run again."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from polyarb.config import config_digest
from polyarb.domain.errors import StoreError
from polyarb.domain.ids import derive_id
from polyarb.domain.limits import Profile
from polyarb.domain.market import Catalogue
from polyarb.domain.messages import RunStarted
from polyarb.host.digest import code_digest, value_digest
from polyarb.store.filesystem import REAL, ensure_directory, replace_durably
from polyarb.store.workspace import Workspace


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decisions depend on, apart from the frames of the tapes themselves.

    venue says whose market data it was; empty where that was not told yet.
    """

    run_id: str
    code_digest: str
    profile: Profile
    catalogue: Catalogue
    tapes: tuple[str, ...]
    venue: str = ""

    @property
    def config_digest(self) -> str:
        """Hash the profile and the relations that decisions follow."""
        return config_digest(self.profile, self.catalogue.relations)

    @property
    def catalogue_digest(self) -> str:
        """Hash the instruments."""
        return value_digest(self.catalogue)

    def started(self, wall_time_ns: int, epoch: int = 0) -> RunStarted:
        """Say it as the first event of the run; the runner sets its time to the feed's."""
        phase = self.profile.phase
        return RunStarted(
            receive_time_ns=0,
            run_id=self.run_id,
            phase=phase if phase is not None else "",
            profile=self.profile.name,
            feed=" ".join(self.tapes),
            code_digest=self.code_digest,
            config_digest=self.config_digest,
            catalogue_digest=self.catalogue_digest,
            wall_time_ns=wall_time_ns,
            epoch=epoch,
            venue=self.venue,
        )


def new_run_id(profile: Profile, wall_time_ns: int) -> str:
    """Name a new run; two runs never share an id."""
    return derive_id("run", profile.name, str(wall_time_ns))


def make_recipe(
    run_id: str,
    profile: Profile,
    catalogue: Catalogue,
    tapes: Sequence[Path],
    *,
    venue: str = "",
) -> Recipe:
    """Make the recipe of a run that this code is about to begin."""
    return Recipe(
        run_id=run_id,
        code_digest=code_digest(),
        profile=profile,
        catalogue=catalogue,
        tapes=tuple(str(path.absolute()) for path in tapes),
        venue=venue,
    )


def recipe_file(workspace: Workspace, run_id: str) -> Path:
    """Say where the recipe of a run lies."""
    return workspace.data_dir / "runs" / f"{run_id}.json"


def save_recipe(workspace: Workspace, recipe: Recipe) -> None:
    """Write a recipe durably, before the run that it describes begins."""
    path = recipe_file(workspace, recipe.run_id)
    ensure_directory(REAL, path.parent)
    replace_durably(REAL, path, msgspec.json.encode(recipe))


def load_recipe(workspace: Workspace, run_id: str) -> Recipe:
    """Read a recipe. Errors: StoreError when it is missing or cannot be read."""
    path = recipe_file(workspace, run_id)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Recipe)
    except FileNotFoundError:
        raise StoreError(
            f"{path}: expected the recipe of run {run_id}, found no file; "
            "a run without its recipe cannot be run again"
        ) from None
    except msgspec.DecodeError as fault:
        raise StoreError(f"{path}: expected a recipe, found {fault}") from fault
