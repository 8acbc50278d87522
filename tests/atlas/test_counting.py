from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twoloops.atlas.counting import PublishedModel, counts_by_year, read_models, summary
from twoloops.records.errors import UserError

TEXT = (
    "Model,Publication date,Model accessibility,Country (of organization)\n"
    'A,2022-05-01,Open weights (unrestricted),"China,China,United States of America"\n'
    "B,2023-01-02,Open weights (non-commercial),China\n"
    "C,2023-02-03,API access,China\n"
    "D,2023-03-04,,China\n"
    "E,,Open weights (restricted use),China\n"
)


def test_a_joint_model_counts_once_for_each_of_its_countries():
    counts = counts_by_year(read_models(TEXT, "models.csv"))
    assert counts == {
        ("China", 2022): 1,
        ("United States of America", 2022): 1,
        ("China", 2023): 1,
    }


def test_unknown_accessibility_is_not_open_and_is_told():
    told = summary(read_models(TEXT, "models.csv"))
    assert (told.models, told.open, told.blank) == (5, 3, 1)
    assert (told.first, told.last) == ("2022-05-01", "2023-03-04")


def test_the_older_name_of_the_country_column_is_read():
    older = TEXT.replace("(of organization)", "(from Organization)")
    assert counts_by_year(read_models(older, "old.csv")) == counts_by_year(
        read_models(TEXT, "new.csv")
    )


def test_cells_may_hold_line_feeds_and_a_byte_order_mark_is_dropped():
    text = "\ufeff" + TEXT.replace("A,", '"A\nlong",', 1)
    assert read_models(text, "x")[0].name == "A\nlong"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Model,Other\nA,1\n", "has no column 'Publication date', 'Model accessibility'"),
        (TEXT.partition("\n")[0] + "\n", "lists no model: is the file whole?"),
        ("", "it has none …"),
    ],
)
def test_another_file_is_refused_with_what_is_missing(text, said):
    with pytest.raises(UserError, match=r"^models\.csv") as refused:
        read_models(text, "models.csv")
    assert said in str(refused.value)


models = st.builds(
    PublishedModel,
    name=st.text(max_size=3),
    countries=st.lists(st.sampled_from(["A", "B", "C"]), unique=True).map(tuple),
    published=st.sampled_from(["", "2021-01-01", "2022-02-02"]),
    accessibility=st.sampled_from(["", "API access", "Open weights (unrestricted)"]),
)


@given(st.lists(models), st.lists(models))
def test_counts_of_two_files_add_up(one, other):
    both: Counter[tuple[str, int]] = counts_by_year(one) + counts_by_year(other)
    assert counts_by_year([*one, *other]) == both
