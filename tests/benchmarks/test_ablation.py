"""Each idea can be taken back, and the step still computes the same losses."""

import sys

import pytest

from benchmarks import ablation


@pytest.fixture
def run(tmp_path):
    from click.testing import CliRunner

    from gan.cli import main

    folder = tmp_path / "run"
    sizes = ["--generator-layers", "80,72", "--discriminator-layers", "16,12", "--batch-size", "20"]
    result = CliRunner().invoke(main, ["train", "--steps", "3", "--out", str(folder), "--kernels", "fused", *sizes])
    assert result.exit_code == 0, result.output
    return folder


def test_every_idea_is_measured(run, tmp_path, monkeypatch, capsys):
    page = tmp_path / "page.md"
    monkeypatch.setattr(sys, "argv", ["ablation", str(run), "--rounds", "2", "--page", str(page)])
    ablation.main()
    printed = capsys.readouterr().out
    for name in ablation.VARIANTS:
        assert f"| {name} | " in printed
    assert "update 1 x 1" in printed or "the rest" in printed
    assert page.read_text().endswith(printed)


def test_a_folder_without_a_run_is_a_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["ablation", str(tmp_path / "nothing")])
    with pytest.raises(SystemExit) as end:
        ablation.main()
    assert end.value.code == 2
    assert "nothing" in capsys.readouterr().err
