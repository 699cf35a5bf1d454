"""`gan theory`: the claims on the screen, the numbers and pictures in files; a claim that fails is an exit code."""

import json
import xml.etree.ElementTree as ET

import pytest

from gan import cli
from gan.figures import figure1
from gan.theory import EXPERIMENTS, divergence


def command(*arguments):
    with pytest.raises(SystemExit) as end:
        cli.main(["theory", *map(str, arguments)])
    return end.value.code


def test_numbers_and_pictures(tmp_path, capsys):
    assert command("divergence", "saturation", "--out", tmp_path) == 0
    out = capsys.readouterr().out
    for name in ("divergence", "saturation"):
        record = json.loads((tmp_path / f"{name}.json").read_text())
        assert record["claims"] == EXPERIMENTS[name].experiment()["claims"]
        assert record["versions"]["numpy"]
        for claim in record["claims"]:
            assert f"holds  {claim['says']}: {claim['measured']:.6g}" in out
        assert ET.parse(tmp_path / f"{name}.svg").getroot().tag.endswith("svg")
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert len(list(tmp_path.iterdir())) == 6


def test_a_claim_that_fails(tmp_path, capsys, monkeypatch):
    results = divergence.experiment()
    results["claims"][0]["holds"] = False
    monkeypatch.setattr(divergence, "experiment", lambda: results)
    assert command("divergence", "--out", tmp_path) == 1
    assert f"FAILS  {results['claims'][0]['says']}" in capsys.readouterr().out


def test_an_unknown_name(tmp_path, capsys):
    assert command("proposition3", "--out", tmp_path / "no") == 2
    assert "there is no experiment 'proposition3'; choose from divergence, " in capsys.readouterr().err
    assert not (tmp_path / "no").exists()


def test_a_folder_that_cannot_be_made_is_refused_before_the_work(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(divergence, "experiment", None)
    monkeypatch.setattr(figure1, "run", None)
    (tmp_path / "file").write_text("")
    assert command("divergence", "--out", tmp_path / "file") == 2
    assert "cannot create the folder" in capsys.readouterr().err
    with pytest.raises(SystemExit) as end:
        cli.main(["figure", "1", "--out", str(tmp_path / "file")])
    assert end.value.code == 2
    assert "cannot create the folder" in capsys.readouterr().err
