import pytest

from twoloops.analysis.controls.declared import Declared, complete
from twoloops.analysis.controls.system import System
from twoloops.records.errors import UserError


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"user": "US defense"}, "did you mean 'US defence'"),
        ({"data_source": "connected products"}, "did you mean 'connected product'"),
        ({"recipient_listed": "maybe"}, "is yes, no or unknown"),
        ({"data_country": "Germany"}, "two letters, as US: got 'Germany'"),
    ],
)
def test_a_word_that_no_criterion_can_meet_is_refused(facts, said):
    with pytest.raises(UserError, match=said):
        complete(System(title="x"), Declared(facts=facts))


def test_words_of_ones_own_are_kept_as_they_are():
    facts = {"user": "a manufacturer", "data_country": ["DE", "US"], "recipient_listed": "no"}
    assert complete(System(title="x"), Declared(facts=facts)).title == "x"
