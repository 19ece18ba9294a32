"""The samples in the documentation are what is sent."""

from tests.delivery.samples import PAGE, mailed, messages, page


def test_the_samples_are_up_to_date() -> None:
    """If not: `python -m tests.delivery.samples`, and look at what changed."""
    assert PAGE.read_text() == page()


def test_a_digest_of_sixty_rows_is_one_mail() -> None:
    (mail,) = mailed(messages(60)["a digest"], "html")
    assert mail.count("<tr>") == 60
