"""A click command whose help lists the settings."""

from itertools import groupby

import click

from reprise.settings import SettingHelp, describe


class ConfiguredCommand(click.Command):
    """A command that environment variables configure; its help ends with a list of them."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each group of settings."""
        super().format_epilog(ctx, formatter)
        for group, settings in groupby(describe(), key=lambda setting: setting.group):
            with formatter.section(f"{group} settings (environment variables)"):
                formatter.write_dl([(setting.variable, _format_meaning(setting)) for setting in settings])


def _format_meaning(setting: SettingHelp) -> str:
    default = "unset" if setting.default is None else setting.default
    file = f" {setting.variable}_FILE may name a file that contains it." if setting.secret else ""
    return f"{setting.meaning} Default: {default}. Allowed: {setting.allowed}.{file}"
