"""The `keywright completion` command."""

import click

from keywright.manage.terminal import show_line

_SHELLS = ("bash", "zsh", "fish")


@click.command(short_help="Print what makes a shell complete our commands.")
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print what makes a shell complete `keywright` commands: options, profiles, providers and secrets' names.

    \b
    bash  eval "$(keywright completion bash)"    in ~/.bashrc
    zsh   eval "$(keywright completion zsh)"     in ~/.zshrc, after compinit
    fish  keywright completion fish | source     in ~/.config/fish/config.fish
    """  # noqa: D301 - click's own mark of lines that stay as they are
    from keywright.manage.completion.shells import script_for

    show_line(script_for(shell, context.find_root().command).removesuffix("\n"))
