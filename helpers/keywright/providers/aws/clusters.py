"""What Amazon EKS says of a cluster: where it is, and which certificate to expect there."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from keywright.errors import ConfigurationError, KeywrightError, Refused, Unavailable, Unreachable, UsageError
from keywright.providers.aws.environment import Identity
from keywright.settings.model import EksOptions

if TYPE_CHECKING:
    from keywright.providers.aws.session import Account

_NAME: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")
_USABLE: Final = frozenset({"ACTIVE", "UPDATING"})


class Cluster(NamedTuple):
    """An Amazon EKS cluster.

    Attributes:
        arn: its Amazon Resource Name.
        server: the URL of its API server.
        certificate_authority: the certificate of its authority: PEM in base64, as a kubeconfig has it.
        audience: what its tokens are made for: its name, or on an AWS Outpost its id.
        region: its region.
    """

    arn: str
    server: str
    certificate_authority: str
    audience: str
    region: str


def describe_cluster(name: str, region: str, aws_profile: str, env: Mapping[str, str], timeout_s: float) -> Cluster:
    """Ask EKS for a cluster, all of it within `timeout_s` seconds.

    Args:
        name: the cluster's name.
        region: its region; empty for the one that the environment or the AWS profile names.
        aws_profile: a profile of the AWS config file; empty for botocore's own choice.
        env: the caller's environment.
        timeout_s: in seconds.

    Raises:
        UsageError: it is no cluster's name.
        ConfigurationError: no region is named, or the AWS config does not hold what is.
        Unavailable: there are no usable AWS credentials, or the cluster is not ready.
        NeedsPerson: a login or an MFA code is wanted.
        Refused: AWS was asked and said no; there is no such cluster.
        Unreachable: AWS did not answer in time or not in its own protocol.
    """
    from keywright.providers.aws.session import act_as

    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is not the name of an EKS cluster")
    region = region or env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or _region_of(aws_profile, env)
    identity = Identity.of(EksOptions(cluster=name, region=region, aws_profile=aws_profile))
    try:
        answer = act_as(identity, region, env, timeout_s, lambda account: _ask(account, name, region))
    except KeywrightError as error:
        if isinstance(error, Refused) and "ResourceNotFoundException" in error.what:
            mend = f"see `aws eks list-clusters --region {region}`"
            raise Refused(f"there is no EKS cluster {name} in {region}", mend=mend) from None
        raise error.about(name, region) from None
    return _cluster(name, answer)


def _region_of(aws_profile: str, env: Mapping[str, str]) -> str:
    """Return the region of the AWS profile in use."""
    from configparser import ConfigParser, Error
    from contextlib import suppress

    from keywright.providers.aws.environment import config_path

    profile = Identity.of(EksOptions(cluster="", region="", aws_profile=aws_profile)).profile_name(env)
    config = ConfigParser(interpolation=None, strict=False)
    with suppress(Error, OSError, ValueError):  # botocore will say it better
        config.read(config_path(env))
    region = config.get("default" if profile == "default" else f"profile {profile}", "region", fallback="")
    if not region:
        raise ConfigurationError("the cluster's region is not known", mend="give --region or set AWS_REGION")
    return region


def _ask(account: "Account", name: str, region: str) -> Mapping[str, Any]:
    from botocore.config import Config

    answer = account.client("eks", Config(region_name=region)).describe_cluster(name=name)
    cluster: Mapping[str, Any] = answer.get("cluster") or {}
    return cluster


def _cluster(name: str, answer: Mapping[str, Any]) -> Cluster:
    status = str(answer.get("status", ""))
    if status not in _USABLE:
        raise Unavailable(
            f"the EKS cluster {name} is {status.lower() or 'in no known state'}", mend="wait until it is active"
        )
    arn, server = str(answer.get("arn", "")), str(answer.get("endpoint", ""))
    authority = str((answer.get("certificateAuthority") or {}).get("data", ""))
    outpost = answer.get("outpostConfig")
    is_local = outpost is not None and outpost.get("etcdInstanceType") is None
    if not server.startswith("https://") or arn.count(":") < 5 or not authority:  # noqa: PLR2004 - an ARN's six parts
        raise Unreachable("EKS described the cluster without its address, ARN or certificate")
    audience = str(answer.get("id", "")) if is_local else name
    return Cluster(arn, server, authority, audience, arn.split(":")[3])
