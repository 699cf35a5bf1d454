"""docs/results.md says what the committed result files say."""

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_its_files_say(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import results

    assert results.PAGE.read_text() == results.page()
    for name in results.RUNS:
        assert (results.RESULTS / name / "samples.png").stat().st_size < 2**20
