"""The environment becomes settings only when asked, and says what is missing."""

import pytest

from infolens.settings import MissingSettingError, Settings


def test_a_variable_becomes_the_field_of_its_name() -> None:
    """DATA_BUCKET is read into data_bucket, and what is not given is empty."""
    settings = Settings.from_env({"DATA_BUCKET": "data", "UNRELATED": "x"})
    assert settings == Settings(data_bucket="data")


def test_a_missing_setting_is_named_as_the_variable_that_the_template_must_give() -> None:
    """The message names the variable, not the field."""
    with pytest.raises(MissingSettingError, match="MODELS_TABLE is not set"):
        Settings.from_env({"MODELS_TABLE": ""}).need("models_table")


def test_a_setting_that_is_given_is_returned() -> None:
    """`need` gives the value back."""
    assert Settings(task="news_category").need("task") == "news_category"
