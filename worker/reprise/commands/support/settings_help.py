"""A click command that the settings configure, and whose help lists those that it uses."""

import os
from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

import click

from reprise.settings import CONFIG_FILE_VARIABLE, SettingHelp, describe

#: Variables, or their first letters, of a connection to the brokers.
KAFKA_CONNECTION: Final = (
    "REPRISE_KAFKA_BOOTSTRAP_SERVERS",
    "REPRISE_KAFKA_SECURITY_PROTOCOL",
    "REPRISE_KAFKA_SASL_",
    "REPRISE_KAFKA_SSL_",
    "REPRISE_KAFKA_REQUEST_TIMEOUT_SECONDS",
)

#: The same of a connection to Redis, and of the index that is opened.
REDIS_INDEX: Final = ("REPRISE_REDIS_", "REPRISE_NAMESPACE", "REPRISE_INDEX_GENERATION", "REPRISE_WINDOW_SECONDS")

#: The same of reading messages and deciding articles.
DECISIONS: Final = ("REPRISE_INPUT_", "REPRISE_NAMESPACE", "REPRISE_MAX_", "REPRISE_RULE_")


class ConfiguredCommand(click.Command):
    """A command that environment variables configure.

    `--help` lists the settings whose variable begins with one of `uses`; `--help-settings` lists all settings.
    """

    def __init__(self, *args: Any, uses: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._uses = tuple(uses)
        self.params += [_config_option(), _help_settings_option()]

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each group of the settings that the command uses."""
        super().format_epilog(ctx, formatter)
        _write_settings(formatter, [setting for setting in describe() if setting.variable.startswith(self._uses)])
        formatter.write_paragraph()
        formatter.write_text("--help-settings lists all settings.")


def _config_option() -> click.Option:
    """Return the option that names the settings file, while the command runs."""
    return click.Option(
        ["--config"],
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False),
        expose_value=False,
        callback=_set_config_file,
        help="Read settings from this TOML file; environment variables take precedence.",
    )


def _set_config_file(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is None:
        return
    previous = os.environ.get(CONFIG_FILE_VARIABLE)
    os.environ[CONFIG_FILE_VARIABLE] = value

    def restore() -> None:
        os.environ.pop(CONFIG_FILE_VARIABLE)
        if previous is not None:
            os.environ[CONFIG_FILE_VARIABLE] = previous

    context.call_on_close(restore)


def _help_settings_option() -> click.Option:
    return click.Option(
        ["--help-settings"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_print_settings,
        help="List all settings and exit.",
    )


def _print_settings(context: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        formatter = context.make_formatter()
        _write_settings(formatter, list(describe()))
        click.echo(formatter.getvalue().strip())
        context.exit()


def _write_settings(formatter: click.HelpFormatter, settings: Sequence[SettingHelp]) -> None:
    for group, members in groupby(settings, key=lambda setting: setting.group):
        with formatter.section(f"{group} settings (environment variables)"):
            formatter.write_dl([(setting.variable, _format_meaning(setting)) for setting in members])


def _format_meaning(setting: SettingHelp) -> str:
    default = "unset" if setting.default is None else setting.default
    file = f" {setting.variable}_FILE may name a file that contains it." if setting.secret else ""
    return f"{setting.meaning} Default: {default}. Allowed: {setting.allowed}.{file}"
