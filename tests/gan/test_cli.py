"""The command `gan`: what it says and leaves, and that bad input gets one sentence, exit code 2, and leaves nothing."""

import errno
import gzip
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

import gan
from gan import cli, files
from gan.cli import training as cli_training
from gan.data import mnist
from gan.run_folder import RunFolder
from gan.settings import ADAPTED, Settings

ROOT = Path(gan.__file__).parents[1]
COMMAND = [sys.executable, "-m", "gan"]
ONE_THREAD = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
SMALL = [
    *("--steps", "6", "--log-every", "2", "--sample-every", "3", "--checkpoint-every", "2", "--batch-size", "8"),
    *("--generator-layers", "6,5", "--discriminator-layers", "4", "--pieces", "2", "--noise-dim", "3"),
]


NUMBERS = r"D loss \d\.\d\d\d  G loss \d\.\d\d\d  D\(x\) 0\.\d\d  D\(G\(z\)\) 0\.\d\d"


@pytest.fixture
def command(capsys, monkeypatch, tmp_path):
    """Run `gan` in this process, in an empty folder: (exit code, standard output, standard error)."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv(mnist.CACHE_VARIABLE, str(tmp_path / "cache"))

    def run(*arguments):
        with pytest.raises(SystemExit) as end:
            cli.main([str(a) for a in arguments], prog_name="gan")
        return (end.value.code or 0, *capsys.readouterr())

    return run


@pytest.fixture
def refused(command, tmp_path):
    """Run `gan` on bad input: the sentence. Nothing has changed on the disk."""

    def run(*arguments):
        before = tree(tmp_path)
        code, out, err = command(*arguments)
        assert (code, out) == (2, "")
        assert re.fullmatch(r"gan: .+\n", err), err
        assert "Traceback" not in err
        assert tree(tmp_path) == before
        return err

    return run


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of 6 steps on digits, to look at."""
    path = tmp_path_factory.mktemp("finished") / "run"
    cli.main(["train", "--out", str(path), *SMALL], standalone_mode=False)
    return path


@pytest.fixture
def run(finished, tmp_path):
    """A copy of it, to spoil."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def tree(folder):
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in folder.rglob("*")}


# ----------------------------------------------------------------------------------------------- what it does


def test_train_evaluate_sample(command, tmp_path):
    code, out, err = command("train", *SMALL)
    assert code == 0
    assert out == (
        "trained to step 6; samples: runs/digits-paper-1/samples/step-000006.png\n"
        "on held-out examples JSD >= -0.000 ± 0.000 nats: D cannot tell samples from data: it shows no divergence\n"
        "next: gan evaluate runs/digits-paper-1\n"
    )
    line = rf"step {{}}/6  {NUMBERS}  \d+\.\d steps/s  00:00 left\n"
    assert re.fullmatch("".join(line.format(n) for n in (2, 4, 6)), err), err  # no bar, no \r: not a terminal
    made = {str(p.relative_to("runs/digits-paper-1")) for p in Path("runs/digits-paper-1").rglob("*") if p.is_file()}
    assert made == {
        "settings.json",
        "metrics.jsonl",
        "sessions.jsonl",
        "checkpoint.safetensors",
        "lock",
        *(f"samples/step-{n:06d}.png" for n in (0, 3, 6)),
    }

    code, out, err = command("evaluate", "runs/digits-paper-1", "--samples", 50)
    assert (code, err) == (0, "")
    assert re.fullmatch(
        r"runs/digits-paper-1 at step 6, 50 samples, seed 0\n"
        r"sigma 0\.\d{4} \(of 10, by 250 validation examples\)\n"
        r"(sigma lies at the edge of the grid: .*\n)?"
        r"validation log-likelihood -?\d+\.\d\d nats\n"
        r"test log-likelihood -?\d+\.\d\d \+- \d+\.\d\d nats\n"
        r"JSD >= -?0\.\d{3} ± 0\.\d{3} nats on test examples: D .*\n"
        r"-?0\.\d{3} ± 0\.\d{3} on training examples, which D has seen: no bound\n",
        out,
    ), out
    record = json.loads(Path("runs/digits-paper-1/evaluation.json").read_text())
    assert record["step"] == 6
    assert (record["n_samples"], record["n_valid"], record["n_test"]) == (50, 250, 250)
    assert f"{record['log_likelihood']:.2f} +- {record['standard_error']:.2f}" in out
    assert f"JSD >= {record['gauge']['jsd']:.3f}" in out

    assert command("sample", "runs/digits-paper-1", "-n", 9)[0] == 0
    first = Path("runs/digits-paper-1/sample-0.png").read_bytes()
    assert command("sample", "runs/digits-paper-1", "-n", 9, "--out", "again.png")[0] == 0
    assert Path("again.png").read_bytes() == first
    assert command("sample", "runs/digits-paper-1", "-n", 9, "--seed", 1)[0] == 0
    assert Path("runs/digits-paper-1/sample-1.png").read_bytes() != first

    assert command("train", *SMALL)[0] == 0
    assert Path("runs/digits-paper-2").is_dir()  # the next free name


@pytest.mark.parametrize("data", ["ring", "gaussian"])
def test_points(command, data):
    assert command("train", "--data", data, "--out", "run", *SMALL)[0] == 0
    code, out, _ = command("evaluate", "run", "--samples", 50)
    assert code == 0
    assert "(of 21, by 1000 validation examples)" in out  # finer widths than for pixels
    assert command("sample", "run")[0] == 0
    assert Path("run/sample-0.png").read_bytes().startswith(b"\x89PNG")


def test_settings_and_command_are_written_down(finished):
    with RunFolder.read(finished) as folder:
        own = folder.settings
        assert {"data": "digits", "preset": "paper", "steps": 6, "generator_layers": [6, 5]}.items() <= own.items()
        assert own.keys() == {f.name for f in fields(Settings)}
        assert folder.sessions()[0]["last_step"] == 6
    document = json.loads((finished / "settings.json").read_text())
    assert {"seed", "command", "versions"} <= document.keys()


def test_resume_goes_further(command, run, tmp_path):
    code, out, _ = command(
        "train", "--resume", "--out", run, "--steps", 9, "--batch-size", 8, "--generator-layers", "6,5"
    )
    assert (code, out.split("\n")[0]) == (0, f"trained to step 9; samples: {run}/samples/step-000009.png")
    assert command("train", "--out", "whole", *SMALL, "--steps", 9)[0] == 0
    for name in ("checkpoint.safetensors", "metrics.jsonl", "samples/step-000009.png"):
        assert (run / name).read_bytes() == (Path("whole") / name).read_bytes()


def test_epochs(command):
    assert command("train", *SMALL[2:], "--out", "run", "--epochs", 1)[1].startswith(
        "trained to step 162;"
    )  # 1297 // 8


def test_help_names_every_option_and_command(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")  # wide enough for every summary
    code, out, _ = command("--help")
    assert code == 0
    for name, about in (
        ("train", "Train a generator and a discriminator against each other."),
        ("evaluate", "Parzen window log-likelihood of the test set"),
        ("sample", "Draw new samples from a trained G."),
    ):
        assert f"\n  {name} " in out
        code, text, _ = command(name, "--help")
        assert code == 0
        assert text.startswith(f"Usage: gan {name} [OPTIONS]")
        assert about in text
    told = " ".join(command("train", "--help")[1].split())
    for f in fields(Settings):
        assert f"--{f.name.replace('_', '-')} " in told
        if f.name not in cli_training.OWN_OPTIONS:
            assert f"{f.metadata['help']}." in told
    for option in ("--epochs", "--out", "--data-dir", "--resume"):
        assert option in told
    assert command("--version")[1].startswith("gan, version ")


# -------------------------------------------------------------------------------------------------- bad options


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            "train --data minst",
            f"there is no data set 'minst'; choose {', '.join([*ADAPTED][:-1])} or {[*ADAPTED][-1]}",
        ),
        ("train --preset nips", "there is no preset 'nips'; choose paper or authors"),
        ("train --learning-speed 1", "No such option '--learning-speed'"),
        ("train --learning-speed=1", "No such option '--learning-speed'"),
        ("train stray", "unexpected extra argument (stray)"),
        ("train --objective wasserstein", "'wasserstein' is not one of 'minimax', 'non_saturating'"),
        ("train --steps many", "'many' is not a valid integer"),
        ("train --steps 1.5", "'1.5' is not a valid integer"),
        ("train --steps 0", "steps is 0; it must be at least 1"),
        ("train --steps -3", "steps is -3; it must be at least 1"),
        ("train --epochs 0", "epochs is 0; it must be at least 1"),
        ("train --epochs x", "'x' is not a valid integer"),
        ("train --steps 5 --epochs 5", "--steps 5 and --epochs 5 both say how long to train"),
        ("train --batch-size 0", "batch_size is 0; it must be at least 1"),
        ("train --batch-size -8", "batch_size is -8; it must be at least 1"),
        ("train --batch-size eight", "'eight' is not a valid integer"),
        ("train --batch-size 2000", "batch_size is 2000, but there are 1297 training examples"),
        ("train --noise-dim 0", "noise_dim is 0; it must be at least 1"),
        ("train --noise-dim 1000000000000", "noise_dim is 1000000000000; it must be at least 1 and at most 100000"),
        ("train --generator-layers 8,0", "generator_layers is (8, 0); it must be at least 1"),
        ("train --generator-layers 8,x", "'8,x' is not a list of whole numbers such as 1200,1200"),
        ("train --generator-layers=", "'' is not a list of whole numbers such as 1200,1200"),
        ("train --discriminator-layers -1", "discriminator_layers is (-1,); it must be at least 1"),
        ("train --learning-rate quick", "'quick' is not a valid float"),
        ("train --learning-rate 0", "learning_rate is 0.0; it must be at least 1e-12"),
        ("train --learning-rate nan", "learning_rate is nan; it must be"),
        ("train --learning-rate inf", "learning_rate is inf; it must be"),
        ("train --dropout-input 1", "dropout_input is 1.0; it must be at least 0 and at most 0.99"),
        ("train --seed -1", "seed is -1; it must be at least 0"),
        ("train --preset authors --k 2", "k is 2, but a simultaneous update moves D once"),
        ("train --data ring --generator-bias marginals", "it needs generator_output sigmoid"),
        ("train --resume", "--resume needs the run folder to go on with: --out DIR"),
        ("train --resume --out nowhere", "there is no run in nowhere: it does not exist"),
        ("evaluate", "Missing argument 'RUN'"),
        ("evaluate nowhere", "there is no run in nowhere: it does not exist"),
        ("sample nowhere", "there is no run in nowhere: it does not exist"),
        ("evaluate nowhere --samples 1", "1 is not in the range 2<=x<=1000000000"),
        ("sample nowhere -n 100000000000000000000", "is not in the range 1<=x<=1000000000"),
        (f"train --k {10**400}", "it must be at least 1 and at most 1000"),
        (f"train --steps {10**400}", "it must be at least 1 and at most 1e+12"),
        ("sample nowhere -n few", "'few' is not a valid integer"),
        ("tarin", "No such command 'tarin'"),
    ],
)
def test_bad_arguments(refused, arguments, sentence):
    assert sentence in refused(*arguments.split())


@pytest.mark.parametrize("group", ["figure", "table"])
def test_a_group_alone_shows_what_there_is(command, group):
    code, out, err = command(group)
    assert code == 2
    assert (out + err).startswith(f"Usage: gan {group} ")


def test_in_a_process_of_its_own(tmp_path):
    done = subprocess.run(
        [*COMMAND, "train", "--data", "minst"],
        cwd=tmp_path,
        env=ONE_THREAD,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("gan: there is no data set 'minst'; ")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_sizes_beyond_the_memory(refused, monkeypatch):
    def no_memory(*_):
        raise MemoryError("Unable to allocate 37.3 GiB")

    monkeypatch.setattr("gan.training.generator_network", no_memory)
    assert "the memory does not suffice (Unable to allocate 37.3 GiB)" in refused("train")


# ------------------------------------------------------------------------------------------------------- MNIST

IMAGES, LABELS, TEST_IMAGES, TEST_LABELS = mnist.CHECKSUMS
ONE_IMAGE = bytes.fromhex("00000803 00000001 0000001c 0000001c") + bytes(784)
NOT_FOUR_FILES = {
    "no folder": (None, "does not exist or is not a folder"),
    "an empty one": ({}, f"has no {IMAGES} or {IMAGES}.gz"),
    "only labels": ({LABELS: b""}, f"has no {IMAGES} or {IMAGES}.gz"),
    "an empty file": ({IMAGES: b""}, f"{IMAGES} holds 0 bytes"),
    "another file": ({IMAGES: ONE_IMAGE}, f"{IMAGES} holds 800 bytes with sha256"),
    "a truncated gzip": ({f"{IMAGES}.gz": gzip.compress(ONE_IMAGE)[:20]}, "is a truncated or corrupt gzip file"),
    "a corrupt gzip": ({f"{IMAGES}.gz": b"\x1f\x8b" + bytes(99)}, "is a truncated or corrupt gzip file"),
}


@pytest.mark.parametrize("case", NOT_FOUR_FILES)
def test_a_data_dir_that_does_not_hold_mnist(refused, tmp_path, case):
    content, sentence = NOT_FOUR_FILES[case]
    folder = tmp_path / "data"
    if content is not None:
        folder.mkdir()
        for name, data in content.items():
            (folder / name).write_bytes(data)
    assert sentence in refused("train", "--data", "mnist", "--data-dir", folder)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\x00\x00\x0d\x03" + ONE_IMAGE[4:], "4-byte values of shape (1, 28, 28) take 3136"),  # floats
        (b"PNG " + ONE_IMAGE[4:], "begins with the bytes 50 4e 47 20; an IDX file begins with 00 00"),
        (ONE_IMAGE[:-1], "is truncated: 783 bytes follow its header"),
        (ONE_IMAGE[:10], "ends inside its header"),
    ],
)
def test_a_wrong_magic_and_a_cut_file_even_if_the_checksum_were_right(
    refused, tmp_path, monkeypatch, content, sentence
):
    (tmp_path / IMAGES).write_bytes(content)
    monkeypatch.setitem(mnist.CHECKSUMS, IMAGES, (len(content), hashlib.sha256(content).hexdigest()))
    err = refused("train", "--data", "mnist", "--data-dir", tmp_path)
    assert IMAGES in err
    assert sentence in err


def test_no_network(command, monkeypatch, tmp_path):
    with socket.socket() as closed:  # a port at which nobody listens
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        monkeypatch.setattr(mnist, "MIRRORS", (f"http://127.0.0.1:{port}/a/", f"http://127.0.0.1:{port}/b/"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        code, out, err = command("train", "--data", "mnist", "--out", "run")
    assert (code, out) == (2, "")
    assert re.fullmatch(r"gan: .*could not be downloaded from http://127.0.0.1.*--data-dir\.\n", err), err
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
    assert not Path("run").exists()


# --------------------------------------------------------------------------------------------------- run folders


def test_out_is_taken(refused, tmp_path, run):
    other, file = tmp_path / "other", tmp_path / "file"
    other.mkdir()
    (other / "thesis.tex").write_text("mine")
    file.write_text("mine")
    assert "is not empty (it holds 'thesis.tex') and not a run" in refused("train", "--out", other)
    assert "is a file, and a run needs a folder" in refused("train", "--out", file)
    assert "a file of that name is in the way" in refused("train", "--out", file / "run")
    assert "already holds a run; continue it with --resume" in refused("train", "--out", run)


def test_not_a_run(refused, tmp_path):
    other, file = tmp_path / "other", tmp_path / "file"
    other.mkdir()
    file.write_text("mine")
    for command in (["train", "--resume", "--out"], ["evaluate"], ["sample"]):
        assert "it is a file, not the folder of a run" in refused(*command, file)
        assert "it holds no settings.json" in refused(*command, other)


def test_a_run_without_a_checkpoint(refused, run):
    (run / "checkpoint.safetensors").unlink()
    for command in ("evaluate", "sample"):
        assert "there is no checkpoint" in refused(command, run)


@pytest.mark.parametrize("reader", ["train --resume --steps 9 --out", "evaluate --samples 9", "sample"])
@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda data: data[:-1], "is cut short"),
        (lambda data: data[:5], "is cut short"),
        (lambda data: b"", "is cut short"),
        (lambda data: flipped(data, -1), "its checksum does not match"),
        (lambda data: flipped(data, len(data) // 2), "is damaged"),
        (lambda data: flipped(data, 3), ""),
        (lambda data: b"PK\3\4" + data, "is not a safetensors file"),
    ],
)
def test_a_damaged_checkpoint(refused, run, spoil, sentence, reader):
    file = run / "checkpoint.safetensors"
    file.write_bytes(spoil(file.read_bytes()))
    err = refused(*reader.split(), run)
    assert "checkpoint.safetensors" in err
    assert sentence in err


def flipped(data, at):
    data = bytearray(data)
    data[at] ^= 0x10
    return bytes(data)


@pytest.mark.parametrize("text", ["", "{}", '{"format": "minigrad-gan run 2"}', "[1", "\udcff"])
def test_damaged_settings(refused, run, text):
    (run / "settings.json").write_bytes(text.encode(errors="surrogateescape"))
    for command in (["train", "--resume", "--steps", 9, "--out"], ["evaluate"], ["sample"]):
        assert "settings.json" in refused(*command, run) or "newer version" in refused(*command, run)


@pytest.mark.parametrize("change", [{"steps": "9"}, {"seed": [1, 2]}, {"generator_layers": 3}, {"new": 1}])
def test_settings_that_somebody_edited_badly(refused, run, change):
    document = json.loads((run / "settings.json").read_text())
    document["settings"] |= change
    (run / "settings.json").write_text(json.dumps(document))
    assert next(iter(change)) in refused("train", "--resume", "--out", run)


def test_a_checkpoint_of_other_settings(refused, run):
    document = json.loads((run / "settings.json").read_text())
    document["settings"] |= {"learning_rate": 0.3, "seed": 7}
    (run / "settings.json").write_text(json.dumps(document))
    err = refused("train", "--resume", "--steps", 9, "--out", run)
    assert "is from a run with other settings (learning_rate, seed)" in err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("--learning-rate 0.3", "learning_rate is 0.1 in the run {run}, not 0.3; leave it out, or start a new run"),
        ("--generator-layers 6", "generator_layers is [6, 5] in the run {run}, not (6,)"),
        ("--data ring", "data is 'digits' in the run {run}, not 'ring'"),
        ("--seed 1", "seed is 0 in the run {run}, not 1"),
        ("", "{run} is trained to step 6 already; say how far with --steps"),
        ("--steps 5", "{run} is trained to step 6 already; say how far with --steps"),
        ("--steps 0", "steps is 0; it must be at least 1"),
        ("--steps 7 --epochs 7", "both say how long to train"),
    ],
)
def test_resume_that_asks_for_something_else(refused, run, options, sentence):
    assert sentence.format(run=run) in refused("train", "--resume", "--out", run, *options.split())


def test_a_second_process_on_the_same_folder(refused, run):
    with RunFolder.open(run):
        err = refused("train", "--resume", "--steps", 9, "--out", run)
    assert f"another process is training in {run}" in err


def test_a_picture_that_is_no_png(refused, run):
    assert "does not end in .png" in refused("sample", run, "--out", "samples.jpg")


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_no_space_or_no_right_to_write(refused, command, run, monkeypatch, error):
    def write_all(*_):
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(files, "_write_all", write_all)
    reason = {errno.ENOSPC: "no space is left", errno.EROFS: "read-only", errno.EACCES: "permission is denied"}[error]
    assert reason in refused("train", "--out", "deep/run")
    for arguments in (["train", "--resume", "--steps", 9, "--out"], ["evaluate", "--samples", 9], ["sample"]):
        assert reason in refused(*arguments, run)


def in_own_mount(options, folder, *arguments):
    """`gan` in a process that alone sees a small or read-only disk on `folder`, and what then lies in it."""
    if not shutil.which("unshare"):
        pytest.skip("no unshare on this system")
    script = 'mount -t tmpfs -o "$1" tmpfs "$2" || exit 99; cd "$2"; shift 2; "$@"; code=$?; find . -type f; exit $code'
    if options == "full":
        options, script = "size=4k", script.replace("shift 2", "head -c 4096 /dev/zero > full; shift 2")
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script, "sh", options, folder, *COMMAND, *map(str, arguments)],
        env=ONE_THREAD,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode == 99 or "unshare failed" in done.stderr:
        pytest.skip(f"mounting is not permitted here: {done.stderr.strip()}")
    return done


@pytest.mark.parametrize(
    ("options", "sentence", "left"),
    [
        ("ro", "the file system is read-only", set()),
        ("full", "cannot write run/settings.json: no space is left", {"full"}),
        (
            "size=64k",
            "cannot write run/checkpoint.safetensors: no space is left",
            {"settings.json", "lock", "sessions.jsonl"},
        ),
    ],
)
def test_real_disks(tmp_path, options, sentence, left):
    disk = tmp_path / "disk"
    disk.mkdir()
    done = in_own_mount(
        options, disk, "train", "--out", "run", *SMALL, "--generator-layers", "99,99", "--log-every", 99
    )
    err = [line for line in done.stderr.splitlines() if not line.startswith("step ")]
    assert done.returncode == 2, done.stderr
    assert len(err) == 1
    assert sentence in err[0]
    assert {Path(name).name for name in done.stdout.split()} - {"step-000000.png"} == left  # no torn file, no temporary


# ------------------------------------------------------------------------------------------------------ progress


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals as POSIX has them")
def test_a_bar_on_a_terminal(tmp_path):
    import fcntl
    import pty
    import struct
    import termios

    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("4H", 40, 160, 0, 0))
    arguments = [*COMMAND, "train", "--out", "run", *SMALL, "--steps", "150"]
    with subprocess.Popen(arguments, cwd=tmp_path, env=ONE_THREAD, stdout=subprocess.PIPE, stderr=end) as process:
        os.close(end)
        shown = b""
        try:
            while part := os.read(terminal, 1 << 16):
                shown += part
        except OSError:  # Linux ends a terminal so
            pass
        out = process.stdout.read().decode()
    os.close(terminal)
    assert process.returncode == 0
    assert out.startswith("trained to step 150; ")
    states = [state for state in re.split(r"[\r\n]+", shown.decode()) if state.strip()]
    assert len(states) > 1
    bar = rf"100%\|[█#]+\| 150/150 \[\d\d:\d\d<00:00, +\d+\.\d\dstep/s, {NUMBERS}\]"
    assert re.fullmatch(bar, states[-1].strip()), states[-1]


def test_help_waits_for_nothing_that_is_slow_to_import():
    code = "import sys, gan.cli; sys.exit(any(m in sys.modules for m in ('numpy', 'sklearn', 'matplotlib', 'pooch')))"
    assert subprocess.run([sys.executable, "-c", code], env=ONE_THREAD, check=False).returncode == 0
