import sys

import pytest

from sundae import distributions


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of installed packages, and nothing else."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])

    def install(folder: str, **files: str) -> None:
        (tmp_path / folder).mkdir()
        for name, text in files.items():
            (tmp_path / folder / name.replace("_txt", ".txt")).write_text(text)

    return install


def test_a_distribution_named_like_its_module(site):
    site("numpy-2.1.0.dist-info", RECORD="numpy/__init__.py,sha256=x,1\n")
    assert distributions.Installed().versions({"numpy", "missing"}) == {"numpy": "2.1.0"}


def test_a_distribution_named_otherwise(site):
    site("scikit_learn-1.6.1.dist-info", RECORD="sklearn/__init__.py,sha256=x,1\n")
    site("PyYAML-6.0.egg-info", top_level_txt="_yaml\nyaml\n")
    assert distributions.Installed().versions({"sklearn", "yaml"}) == {
        "pyyaml": "6.0",
        "scikit-learn": "1.6.1",
    }


def test_a_namespace_of_several_distributions(site):
    site("google_auth-2.0.dist-info", RECORD="google/auth/__init__.py,sha256=x,1\n")
    site("google_cloud_storage-3.0.dist-info", RECORD="google/cloud/storage/__init__.py,sha256=x,1\n")
    assert distributions.Installed().versions({"google"}) == {
        "google-auth": "2.0",
        "google-cloud-storage": "3.0",
    }


def test_an_editable_install_is_known_by_its_name(site):
    site("mine-0.1.dist-info", RECORD="_mine.pth,sha256=x,1\n")
    assert distributions.Installed().versions({"mine"}) == {"mine": "0.1"}
