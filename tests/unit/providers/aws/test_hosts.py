import json
from pathlib import Path

import botocore
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.errors import ConfigurationError
from keywright.providers.aws.hosts import (
    EcrRegistry,
    EcrService,
    find_codecommit_region,
    find_registry,
    is_region,
    partition_of,
    sts_host,
)

DATA = json.loads((Path(botocore.__file__).parent / "data" / "partitions.json").read_text())
REGIONS = [
    (region, partition["outputs"]["dnsSuffix"])
    for partition in DATA["partitions"]
    for region in partition["regions"]
    if not region.endswith("-global")
]
ACCOUNT = "123456789012"


def private(region: str, *, fips: bool = False, dual: bool = False) -> EcrRegistry:
    return EcrRegistry(service=EcrService.PRIVATE, account=ACCOUNT, region=region, is_fips=fips, is_dual_stack=dual)


PUBLIC = EcrRegistry(service=EcrService.PUBLIC, account="", region="us-east-1")

REGISTRIES = {
    f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com": private("eu-central-1"),
    f"{ACCOUNT}.dkr.ecr.us-gov-west-1.amazonaws.com": private("us-gov-west-1"),
    f"{ACCOUNT}.dkr.ecr-fips.us-gov-west-1.amazonaws.com": private("us-gov-west-1", fips=True),
    f"{ACCOUNT}.dkr.ecr-fips.us-east-1.amazonaws.com": private("us-east-1", fips=True),
    f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn": private("cn-north-1"),
    f"{ACCOUNT}.dkr.ecr.eusc-de-east-1.amazonaws.eu": private("eusc-de-east-1"),
    f"{ACCOUNT}.dkr.ecr.us-iso-east-1.c2s.ic.gov": private("us-iso-east-1"),
    f"{ACCOUNT}.dkr.ecr.us-isob-east-1.sc2s.sgov.gov": private("us-isob-east-1"),
    f"{ACCOUNT}.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk": private("eu-isoe-west-1"),
    f"{ACCOUNT}.dkr.ecr.us-isof-south-1.csp.hci.ic.gov": private("us-isof-south-1"),
    f"{ACCOUNT}.dkr-ecr.eu-central-1.on.aws": private("eu-central-1", dual=True),
    f"{ACCOUNT}.dkr-ecr-fips.us-east-2.on.aws": private("us-east-2", fips=True, dual=True),
    f"{ACCOUNT}.dkr-ecr.us-gov-east-1.on.aws": private("us-gov-east-1", dual=True),
    f"{ACCOUNT}.dkr-ecr.cn-northwest-1.on.amazonwebservices.com.cn": private("cn-northwest-1", dual=True),
    "public.ecr.aws": PUBLIC,
    "ecr-public.aws.com": PUBLIC,
}

LOOK_ALIKES = [
    "",
    "ghcr.io",
    "docker.io",
    "amazonaws.com",
    "ecr.aws",
    "gallery.ecr.aws",
    "evil.public.ecr.aws",
    "public.ecr.aws.evil.example",
    "public.ecr.aws:443",
    "public-ecr.aws",
    f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com.evil.example",
    f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com:5000",
    f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.co",
    f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com.cn",
    f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com",
    f"{ACCOUNT}.dkr.ecr.us-iso-east-1.sc2s.sgov.gov",
    f"{ACCOUNT}.dkr.ecr.eu-central-1.on.aws",
    f"{ACCOUNT}.dkr-ecr.eu-central-1.amazonaws.com",
    f"{ACCOUNT}.dkr-ecr.us-iso-east-1.on.aws",
    f"{ACCOUNT}.dkr-ecr.us-iso-east-1.",
    f"{ACCOUNT}.dkr_ecr.eu-central-1.amazonaws.com",
    f"{ACCOUNT}.dkrxecr.eu-central-1.amazonaws.com",
    f"{ACCOUNT}.dkr.ecr-test.eu-central-1.amazonaws.com",
    f"{ACCOUNT}.dkr.ecr.eu-central-1xamazonaws.com",
    f"{ACCOUNT}.dkr.ecr.evil.example.amazonaws.com",
    f"{ACCOUNT}.dkr.ecr..amazonaws.com",
    f"{ACCOUNT}.dkr.ecr.s3.amazonaws.com",
    f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com\n",
    f"evil.{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com",
    f"{ACCOUNT}3.dkr.ecr.eu-central-1.amazonaws.com",
    f"{ACCOUNT[:-1]}.dkr.ecr.eu-central-1.amazonaws.com",
    "١٢٣٤٥٦٧٨٩٠١٢.dkr.ecr.eu-central-1.amazonaws.com",
    "api.ecr.eu-central-1.amazonaws.com",
]


@pytest.mark.parametrize(("host", "registry"), REGISTRIES.items())
def test_a_registrys_host_says_all_about_it(host: str, registry: EcrRegistry) -> None:
    assert find_registry(host) == registry


@pytest.mark.parametrize("host", LOOK_ALIKES)
def test_a_look_alike_is_no_registry(host: str) -> None:
    assert find_registry(host) is None


@given(st.sampled_from(sorted(REGISTRIES)), st.text(min_size=1, max_size=3))
def test_nothing_before_or_after_a_registrys_host_is_overlooked(host: str, extra: str) -> None:
    assert find_registry(host + extra) is None
    assert find_registry(extra + host) is None


@pytest.mark.parametrize(("region", "suffix"), REGIONS)
def test_every_region_botocore_knows_has_its_own_domain_here(region: str, suffix: str) -> None:
    assert sts_host(region) == f"sts.{region}.{suffix}"
    assert find_registry(f"{ACCOUNT}.dkr.ecr.{region}.{suffix}") == private(region)


def test_every_partition_botocore_knows_is_covered() -> None:
    assert len(REGIONS) > 35
    assert {partition_of(region).suffix for region, _ in REGIONS} == {suffix for _, suffix in REGIONS}


@pytest.mark.parametrize(
    "region", ["", "eu-central", "eu-central-1/", "eu-central-1.evil.example", "EU-CENTRAL-1", "eu_central_1", "a\nb-1"]
)
def test_what_is_no_region_names_no_host(region: str) -> None:
    with pytest.raises(ConfigurationError, match="is not an AWS region; set `region`"):
        sts_host(region)


CODECOMMIT = {
    "git-codecommit.eu-central-1.amazonaws.com": "eu-central-1",
    "git-codecommit.us-gov-west-1.amazonaws.com": "us-gov-west-1",
    "git-codecommit.cn-north-1.amazonaws.com.cn": "cn-north-1",
    "git-codecommit-fips.us-east-1.amazonaws.com": "us-east-1",
    "vpce-0123456789abcdef0-a1b2c3d4.git-codecommit.us-east-1.vpce.amazonaws.com": "us-east-1",
    "vpce-0123456789abcdef0-a1b2c3d4-us-east-1a.git-codecommit.us-east-1.vpce.amazonaws.com": "us-east-1",
    "vpce-0123456789abcdef0-a1b2c3d4.git-codecommit-fips.us-east-1.vpce.amazonaws.com": "us-east-1",
    "vpce-0123456789abcdef0-a1b2c3d4.git-codecommit.cn-north-1.vpce.amazonaws.com.cn": "cn-north-1",
}


@pytest.mark.parametrize(("host", "region"), CODECOMMIT.items())
def test_a_codecommit_host_says_where_it_is(host: str, region: str) -> None:
    assert find_codecommit_region(host) == region


@pytest.mark.parametrize(("region", "suffix"), REGIONS)
def test_every_regions_codecommit_is_known_in_its_own_partition_alone(region: str, suffix: str) -> None:
    assert find_codecommit_region(f"git-codecommit.{region}.{suffix}") == region
    for other in {suffix for _, suffix in REGIONS} - {suffix}:
        assert find_codecommit_region(f"git-codecommit.{region}.{other}") == ""


@pytest.mark.parametrize(
    "host",
    [
        "",
        "github.com",
        "codecommit.eu-west-1.amazonaws.com",
        "git-codecommit.amazonaws.com",
        "git-codecommit.eu-west-1.amazonaws.com.evil.example",
        "git-codecommit.eu-west-1.amazonaws.com:8443",
        "git-codecommit.eu-west-1.amazonaws.com.",
        "git-codecommit.eu-west-1.evil.example",
        "git-codecommit.evil.amazonaws.com",
        "git-codecommit.eu-west-1xamazonaws.com",
        "xgit-codecommit.eu-west-1.amazonaws.com",
        "evil.git-codecommit.eu-west-1.amazonaws.com",
        "git-codecommit-evil.eu-west-1.amazonaws.com",
        "git-codecommit.eu-west-1.vpce.amazonaws.com",
        "vpce-1.git-codecommit.eu-west-1.amazonaws.com",
        "vpce-1.evil.git-codecommit.eu-west-1.vpce.amazonaws.com",
        "evil-1.git-codecommit.eu-west-1.vpce.amazonaws.com",
        "amazonaws.com.evil.example",
        "git-codecommit.eu-west-1.amazonaws.com\n",
    ],
)
def test_a_look_alike_of_codecommit_is_none(host: str) -> None:
    assert find_codecommit_region(host) == ""


@pytest.mark.parametrize(("region", "_suffix"), REGIONS)
def test_the_name_of_every_region_is_one(region: str, _suffix: str) -> None:
    assert is_region(region)
