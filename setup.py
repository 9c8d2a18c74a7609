"""What pyproject.toml cannot say: the guide, the manual page and completions, and a README for elsewhere."""

import re
import sys
from pathlib import Path
from shutil import copyfile

from setuptools import setup
from setuptools.command.build_py import build_py

from distutils.command.install_data import install_data  # setuptools' own; isort: skip

HERE = Path(__file__).resolve().parent
GUIDE = HERE / "docs" / "guide"
PICTURE = re.compile(r"^!\[[^\]]*\]\((?!https?:)[^)]+\)\n+", re.M)
LINK = re.compile(r"\[([^\]]+)\]\((?!https?:|#)[^)]+\)")
WHERE = """
Documents that are named here come with the source distribution; the guide comes with the program:
`deepcuts serve` has it at `/guide`.
"""


class WithGuide(build_py):
    """Build the package, and copy the guide into it, so that the service has it offline."""

    def run(self) -> None:
        """Copy the guide after the modules; an editable installation reads it where it lies."""
        super().run()
        if self.editable_mode:
            return
        folder = Path(self.build_lib, "recommender", "service", "guide")
        folder.mkdir(parents=True, exist_ok=True)
        for file in GUIDE.iterdir():
            if file.suffix in (".md", ".png", ".svg") and not file.name.startswith("."):
                copyfile(file, folder / file.name)


class WithManual(install_data):
    """Install the manual page and the shells' completions, made of the command line as it is built."""

    def run(self) -> None:
        """Write them where they lie below a prefix; a virtual environment is one."""
        super().run()
        sys.path.insert(0, str(HERE))
        from deploy.manual import shell_files

        for name, text in shell_files(self.distribution.get_version()).items():
            file = Path(self.install_dir, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
            self.outfiles.append(str(file))


def readme() -> str:
    """Return the README for where the repository is not: pictures and links into it would lead nowhere."""
    text = (HERE / "README.md").read_text(encoding="utf-8")
    return LINK.sub(r"\1", PICTURE.sub("", text)) + WHERE


setup(
    cmdclass={"build_py": WithGuide, "install_data": WithManual},
    data_files=[("share/man/man1", [])],  # without any, setuptools passes over the command
    long_description=readme(),
    long_description_content_type="text/markdown",
)
