"""The help of a command that is configured by the environment: every setting, from their own descriptions."""

from itertools import groupby

import click

from reprise.settings import SettingHelp, describe


class ConfiguredCommand(click.Command):
    """A command whose help ends with the settings."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a section for each group of settings."""
        super().format_epilog(ctx, formatter)
        for group, settings in groupby(describe(), key=lambda each: each.group):
            with formatter.section(f"{group} settings, from the environment"):
                formatter.write_dl([(each.variable, _meaning(each)) for each in settings])


def _meaning(each: SettingHelp) -> str:
    default = "not set" if each.default is None else each.default
    file = f" Or a file that holds it: {each.variable}_FILE." if each.secret else ""
    return f"{each.meaning} Default: {default}. Allowed: {each.allowed}.{file}"
