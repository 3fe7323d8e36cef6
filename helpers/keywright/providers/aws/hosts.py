"""AWS hosts by partition: which STS signs for a region, and which hosts are ECR registries or CodeCommit.

A table instead of botocore's endpoint data, because recognising a host must not cost its import. The partitions are
those of botocore's `partitions.json`; a test holds the two equal for every region there. Registry hosts, as in
https://docs.aws.amazon.com/general/latest/gr/ecr.html:

    123456789012.dkr.ecr.eu-central-1.amazonaws.com        private
    123456789012.dkr.ecr-fips.us-east-1.amazonaws.com      private, FIPS
    123456789012.dkr-ecr.eu-central-1.on.aws               private, IPv4 and IPv6
    123456789012.dkr-ecr-fips.us-east-1.on.aws             private, IPv4 and IPv6, FIPS
    public.ecr.aws, ecr-public.aws.com                     public

CodeCommit's, as in https://docs.aws.amazon.com/codecommit/latest/userguide/regions.html and, for VPC endpoints,
https://docs.aws.amazon.com/codecommit/latest/userguide/codecommit-and-interface-VPC.html:

    git-codecommit.eu-central-1.amazonaws.com
    git-codecommit-fips.us-east-1.amazonaws.com
    vpce-0c1e…-a1b2c3d4.git-codecommit.us-east-1.vpce.amazonaws.com
"""

import re
from enum import Enum
from typing import Final, NamedTuple

from keywright.errors import ConfigurationError

PUBLIC_REGION: Final = "us-east-1"
PUBLIC_HOSTS: Final = frozenset({"public.ecr.aws", "ecr-public.aws.com"})
_REGION: Final = re.compile(r"[a-z]{2,8}(?:-[a-z]{1,16}){1,3}-[0-9]{1,2}")
_PRIVATE: Final = re.compile(
    r"(?P<account>[0-9]{12})\.dkr(?P<stack>[.-])ecr(?P<fips>-fips)?\.(?P<region>[a-z0-9-]+)\.(?P<suffix>[a-z0-9.-]+)"
)
_CODECOMMIT: Final = re.compile(
    r"(?P<endpoint>vpce-[a-z0-9-]+\.)?git-codecommit(?:-fips)?\.(?P<region>[a-z0-9-]+)\.(?P<suffix>[a-z0-9.-]+)"
)


class Partition(NamedTuple):
    """A group of regions with accounts and domains of its own.

    Attributes:
        prefix: how the names of its regions begin.
        suffix: the domain of its services.
        registry_suffix: the domain of its dual-stack registries; empty where AWS names none.
    """

    prefix: str
    suffix: str
    registry_suffix: str = ""


PARTITIONS: Final = (
    Partition(prefix="cn-", suffix="amazonaws.com.cn", registry_suffix="on.amazonwebservices.com.cn"),
    Partition(prefix="eusc-", suffix="amazonaws.eu", registry_suffix="on.amazonwebservices.eu"),
    Partition(prefix="us-gov-", suffix="amazonaws.com", registry_suffix="on.aws"),
    Partition(prefix="us-iso-", suffix="c2s.ic.gov"),
    Partition(prefix="us-isob-", suffix="sc2s.sgov.gov"),
    Partition(prefix="us-isof-", suffix="csp.hci.ic.gov"),
    Partition(prefix="eu-isoe-", suffix="cloud.adc-e.uk"),
    Partition(prefix="", suffix="amazonaws.com", registry_suffix="on.aws"),
)
"""Most specific prefix first; the last is the commercial partition, and every region AWS opens tomorrow."""


class EcrService(Enum):
    """Which of the two registries a host belongs to; the value is botocore's name of the service."""

    PRIVATE = "ecr"
    PUBLIC = "ecr-public"


class EcrRegistry(NamedTuple):
    """One Amazon ECR registry, as its host names it.

    Attributes:
        service: private or public.
        account: the twelve digits of the account; empty for the public registry.
        region: where its password is minted.
        is_fips: whether the host is a FIPS endpoint.
        is_dual_stack: whether the host answers on IPv6 as well as on IPv4.
    """

    service: EcrService
    account: str
    region: str
    is_fips: bool = False
    is_dual_stack: bool = False


def partition_of(region: str) -> Partition:
    """Return the partition a region belongs to, by the beginning of its name."""
    return next(partition for partition in PARTITIONS if region.startswith(partition.prefix))


def is_region(name: str) -> bool:
    """Return whether `name` is shaped as a region's name is, such as `eu-central-1`."""
    return _REGION.fullmatch(name) is not None


def sts_host(region: str) -> str:
    """Return the regional STS host, such as `sts.eu-central-1.amazonaws.com`.

    Raises:
        ConfigurationError: `region` is not the name of a region.
    """
    if not is_region(region):
        raise ConfigurationError(f"{region!r} is not an AWS region", mend="set `region`, such as eu-central-1")
    return f"sts.{region}.{partition_of(region).suffix}"


def find_registry(host: str) -> EcrRegistry | None:
    """Return the registry that `host` (lower case, as in `Url.host`) is, or None if it is none.

    The whole host counts: another port is another server, and a region's partition must be the domain's.
    """
    if host in PUBLIC_HOSTS:
        return EcrRegistry(service=EcrService.PUBLIC, account="", region=PUBLIC_REGION)
    match = _PRIVATE.fullmatch(host)
    if match is None or not _REGION.fullmatch(match["region"]):
        return None
    partition = partition_of(match["region"])
    is_dual_stack = match["stack"] == "-"
    if match["suffix"] != (partition.registry_suffix if is_dual_stack else partition.suffix):
        return None
    return EcrRegistry(
        service=EcrService.PRIVATE,
        account=match["account"],
        region=match["region"],
        is_fips=match["fips"] is not None,
        is_dual_stack=is_dual_stack,
    )


def find_codecommit_region(host: str) -> str:
    """Return the region whose CodeCommit `host` (lower case, as in `Url.host`) is; empty if it is none.

    The whole host counts, as for registries: whoever gets a password for another one learns the session token in it.
    """
    match = _CODECOMMIT.fullmatch(host)
    if match is None or not is_region(match["region"]):
        return ""
    suffix = partition_of(match["region"]).suffix
    return match["region"] if match["suffix"] == (f"vpce.{suffix}" if match["endpoint"] else suffix) else ""
