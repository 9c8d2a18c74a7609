"""Puts the user guide, which lies in docs/guide, into the package, so that the service has it offline."""

from pathlib import Path
from shutil import copyfile

from setuptools import setup
from setuptools.command.build_py import build_py

GUIDE = Path("docs", "guide")


class WithGuide(build_py):
    """Build the package, and copy the guide into it."""

    def run(self) -> None:
        """Copy the guide after the modules; an editable installation reads it where it lies."""
        super().run()
        if self.editable_mode:
            return
        folder = Path(self.build_lib, "recommender", "service", "guide")
        folder.mkdir(parents=True, exist_ok=True)
        for file in GUIDE.iterdir():
            if file.suffix in (".md", ".png", ".svg"):
                copyfile(file, folder / file.name)


setup(cmdclass={"build_py": WithGuide})
