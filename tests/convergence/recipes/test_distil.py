"""Laws of the `distil` recipe: nothing leaks, weight 0 is the plain head, equal in equal out."""

from dataclasses import replace

import numpy as np
import pytest

from twoloops.convergence.recipes.distil import Outputs, Setting, distil, fit_student
from twoloops.convergence.recipes.encode import Encoder
from twoloops.convergence.recipes.head import CrossFitted, fit, fold_of, softmax
from twoloops.convergence.recipes.settings import Distil
from twoloops.convergence.recipes.soft import Lesson, fit_soft, soften
from twoloops.convergence.recipes.specialise import specialise
from twoloops.digital.features.ngrams import char_ngrams
from twoloops.edge.runtime import Runtime
from twoloops.records.dataset import Dataset, Item
from twoloops.records.digests import digest_bytes
from twoloops.records.task import Task

TAUGHT = Setting(1, 2)
NAMES = [f"group {i}" for i in range(60)]
SOFT_NAMES = [f"unlabelled {i}" for i in range(300)]


def views(n: int, seed: int, noise: float = 1.5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One cause, seen by the student through much noise and by the teacher through little."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % 3
    small = rng.normal(size=(n, 30)) * noise + 2 * np.eye(3, 30)[y]
    large = rng.normal(size=(n, 12)) + 5 * np.eye(3, 12)[y]
    return y, small.astype(np.float32), np.hstack([large, small]).astype(np.float32)


def student(
    settings: tuple[Setting, ...] = (TAUGHT,), y: np.ndarray | None = None
) -> tuple[CrossFitted, Setting]:
    truth, x, teacher_x = views(60, 0)
    y = truth if y is None else y
    _, soft_x, soft_teacher_x = views(300, 1)
    teacher = fit(teacher_x, y, NAMES)
    outputs = Outputs(soft_x, SOFT_NAMES, teacher, soft_teacher_x)
    return fit_student(fit(x, y, NAMES), x, y, NAMES, outputs, settings=settings)


def equal(one: CrossFitted, other: CrossFitted) -> bool:
    heads = zip((one.full, *one.parts), (other.full, *other.parts), strict=True)
    return all(
        (a.weights == b.weights).all()
        and (a.bias == b.bias).all()
        and (a.scaling.ratio == b.scaling.ratio).all()
        and (a.scaling.factor == b.scaling.factor).all()
        and a.temperature == b.temperature
        for a, b in heads
    )


def test_a_teacher_that_knows_more_helps() -> None:
    y, x, _ = views(600, 2)
    plain = fit(*views(60, 0)[1::-1], NAMES)
    taught, setting = student((Setting(0, 1), TAUGHT))
    right = [(one.full.probabilities(x, 3).argmax(1) == y).mean() for one in (plain, taught)]
    assert setting == TAUGHT
    assert right[1] > right[0] + 0.03


def test_weight_0_is_the_plain_head_bit_for_bit() -> None:
    y, x, _ = views(60, 0)
    made, setting = student((Setting(0, 1),))
    assert setting.weight == 0
    assert equal(made, fit(x, y, NAMES))


def test_a_setting_chosen_before_gives_the_same_student_alone() -> None:
    every, chosen = student((Setting(0, 1), Setting(3, 1), TAUGHT))
    alone, _ = student((chosen,))
    assert equal(every, alone)


def test_a_fold_s_labels_touch_neither_its_student_nor_its_teacher() -> None:
    """Each fold's labels are changed in turn: the head of that fold stays bit for bit."""
    y, x, teacher_x = views(60, 0)
    _, soft_x, soft_teacher_x = views(300, 1)
    folds = np.array([fold_of(name) for name in NAMES])

    def parts(labels: np.ndarray) -> CrossFitted:
        # The teacher's one temperature is chosen on all labels, as the plain head's is.
        teacher = fit(teacher_x, labels, NAMES)
        teacher = replace(
            teacher, parts=tuple(replace(one, temperature=1.0) for one in teacher.parts)
        )
        outputs = Outputs(soft_x, SOFT_NAMES, teacher, soft_teacher_x)
        plain = fit(x, labels, NAMES)
        return fit_student(plain, x, labels, NAMES, outputs, settings=(TAUGHT,))[0]

    before = parts(y)
    for k in range(5):
        other = np.where(folds == k, (y + 1) % 3, y)
        after = parts(other)
        assert (after.parts[k].weights == before.parts[k].weights).all()
        assert (after.parts[(k + 1) % 5].weights != before.parts[(k + 1) % 5].weights).any()


def test_an_observation_like_a_fold_s_items_is_kept_from_its_student() -> None:
    y, x, teacher_x = views(60, 0)
    _, soft_x, soft_teacher_x = views(300, 1)
    plain, teacher = fit(x, y, NAMES), fit(teacher_x, y, NAMES)
    twins = [NAMES[i % 60] for i in range(300)]
    folds = np.array([fold_of(name) for name in twins])

    def part(k: int, soft: np.ndarray) -> np.ndarray:
        outputs = Outputs(soft, twins, teacher, soft_teacher_x)
        made, _ = fit_student(plain, x, y, NAMES, outputs, settings=(TAUGHT,))
        return made.parts[k].weights

    changed = np.where((folds == 2)[:, None], -soft_x, soft_x).astype(np.float32)
    assert (part(2, soft_x) == part(2, changed)).all()
    assert (part(3, soft_x) != part(3, changed)).any()


def test_memory_of_noise_is_no_evidence() -> None:
    """Labels are drawn by lot and the teacher remembers them all: honest answers know nothing."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 100)
    names = [f"group {i}" for i in range(100)]
    x, wide = (rng.normal(size=(100, d)).astype(np.float32) for d in (400, 900))
    # What nobody labelled is the labelled items once more: the likeliest way for a leak.
    outputs = Outputs(x, names, fit(wide, y, names), wide)
    made, _ = fit_student(fit(x, y, names), x, y, names, outputs, settings=(Setting(3, 1),))
    assert (made.full.probabilities(x, 2).argmax(1) == y).mean() > 0.95
    assert (made.honest(x, names, 2).argmax(1) == y).mean() < 0.65


def test_unlabelled_observations_are_asked_of_the_head_that_did_not_see_them() -> None:
    made, _ = student()
    assert made.known == {*NAMES, *SOFT_NAMES}


def test_equal_input_gives_equal_students() -> None:
    assert equal(student()[0], student()[0])


@pytest.mark.parametrize("n", [1, 2, 4])
def test_few_items_do_no_harm(n: int) -> None:
    y, x, teacher_x = views(n, 0)
    _, soft_x, soft_teacher_x = views(20, 1)
    outputs = Outputs(soft_x, SOFT_NAMES[:20], fit(teacher_x, y, NAMES[:n]), soft_teacher_x)
    plain = fit(x, y, NAMES[:n])
    made, _ = fit_student(plain, x, y, NAMES[:n], outputs, settings=(Setting(0, 1), TAUGHT))
    assert np.isfinite(made.full.probabilities(x, 3)).all()


def test_the_solver_finds_where_the_slope_is_zero() -> None:
    y, x, _ = views(60, 0)
    _, soft_x, _ = views(100, 1)
    soft = softmax(np.random.default_rng(0).normal(size=(100, 3)))
    lesson, plain = Lesson(x, y, soft_x, soft, 0), fit(x, y, NAMES).full
    head = fit_soft(plain, lesson, weight=1, temperature=2, strength=3)

    def loss(weights: np.ndarray) -> float:
        z = head.scaling.apply(x) @ weights + head.bias
        t = (head.scaling.apply(soft_x) @ weights + head.bias) / 2
        hard = -np.log(softmax(z))[np.arange(60), y].sum()
        return (
            hard - 0.6 * 4 * (soften(soft, 2) * np.log(softmax(t))).sum() + (weights**2).sum() / 6
        )

    at = loss(head.weights)
    rng = np.random.default_rng(1)
    for _ in range(20):
        assert loss(head.weights + 0.05 * rng.normal(size=head.weights.shape)) > at


def test_counts_are_weighted_by_what_the_teacher_says_too() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    x, soft_x = (rng.poisson(0.3, size=(n, 50)).astype(np.float32) for n in (40, 400))
    x[:, 0] = 0  # no label has shown this bucket, the teacher knows what it tells
    soft = np.eye(2)[(soft_x[:, 0] > 0).astype(int)] * 0.9 + 0.05
    plain = fit(x, y, NAMES[:40], sparse=50).full
    head = fit_soft(plain, Lesson(x, y, soft_x, soft, 50), weight=1, temperature=1, strength=30)
    assert head.scaling.ratio.argmax() == 0
    assert np.linalg.norm(head.scaling.apply(x[x.any(axis=1)]), axis=1) == pytest.approx(1)


# Through bases: a small one is taught by a larger one.

TASK = Task("orders", "text", ("broken", "leak", "ok"), normal="ok")
TEXTS = {f"{word} {i}".encode(): label for i in range(8) for word, label in (
    ("weld cracked", "broken"), ("hose leaking", "leak"), ("greased", "ok"))}  # fmt: skip
MORE = [f"{word} again {i}".encode() for i in range(20) for word in ("cracked", "leaking", "ok")]
DATA = {digest_bytes(one): one for one in (*TEXTS, *MORE)}
RECIPE = Distil(teacher="strong", unlabelled="sha256:list", weight=1.0, temperature=2.0)


def made_by(recipe: Distil):
    items = [
        Item(0, digest_bytes(data), label, "train", True, 1.0, digest_bytes(data))
        for data, label in TEXTS.items()
    ]
    more = [
        Item(0, digest_bytes(data), "", "unlabelled", False, -1.0, digest_bytes(data))
        for data in MORE
    ]
    dataset = Dataset.of("orders", items)
    args = (dataset, more, recipe, TASK, Encoder(), lambda _: DATA)
    return distil(char_ngrams(64), char_ngrams(512), *args), dataset


def test_its_card_says_how_it_was_made_and_its_file_says_the_same_as_the_student() -> None:
    made, dataset = made_by(RECIPE)
    assert made.card(0.5).recipe == (
        f"distil/1 teacher=strong weight=1 temperature=2 strength={made.fitted.strength:g} "
        "unlabelled=60"
    )
    assert made.card(0.5).dataset == dataset.digest
    assert made.title == "builtin/char-ngram distilled from strong"
    data = made.model(0.5)
    assert data == made_by(RECIPE)[0].model(0.5)
    said = Runtime(data).run(MORE)
    x = Encoder().embed(made.base, [digest_bytes(one) for one in MORE], lambda _: DATA)
    assert said.probabilities == pytest.approx(made.fitted.full.probabilities(x, 3), abs=1e-5)


def test_of_weight_0_it_is_what_plain_training_gives() -> None:
    recipe = Distil(teacher="strong", unlabelled="sha256:list", weight=0.0, temperature=1.0)
    made, dataset = made_by(recipe)
    plain = specialise(char_ngrams(64), dataset, TASK, Encoder(), lambda _: DATA)
    assert equal(made.fitted, plain.fitted)
    assert "weight=0 " in made.card(None).recipe


def test_cross_validation_chooses_where_nothing_is_named() -> None:
    made, _ = made_by(Distil(teacher="strong", unlabelled="sha256:list"))
    assert made.recipe is not None
    assert made.recipe.weight is not None
    assert made.recipe.temperature is not None
