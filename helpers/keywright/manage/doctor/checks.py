"""The table of checks: what is looked at, and how long each look may take."""

from typing import Final

from keywright.manage.doctor import (
    clock,
    docker,
    filesystem,
    folders,
    git,
    kube,
    network,
    programs,
    secrets,
    standing,
    versions,
)
from keywright.manage.doctor.examination import Check
from keywright.manage.doctor.finding import Area

CHECKS: Final = (
    Check(Area.FOLDERS, "folders", folders.look, 20.0),
    Check(Area.FILESYSTEM, "file systems", filesystem.look_at_kinds, 5.0),
    Check(Area.FILESYSTEM, "locks", filesystem.look_by_trial, 30.0),
    Check(Area.SETTINGS, "the settings", standing.look_at_settings, 5.0),
    Check(Area.SETTINGS, "profiles", standing.look_at_profiles, 5.0),
    Check(Area.SETTINGS, "the agent", standing.look_at_agent, 5.0),
    Check(Area.VAULT, "the vault", secrets.look_at_vault, 10.0),
    Check(Area.VAULT, "the OS keyring", secrets.look_at_keyring, 10.0),
    Check(Area.VAULT, "the person", secrets.look_for_person, 5.0),
    Check(Area.PROGRAMS, "programs", programs.look_at_path, 25.0),
    Check(Area.GIT, "git's helpers", git.look, 10.0),
    Check(Area.DOCKER, "docker's helpers", docker.look, 5.0),
    Check(Area.KUBE, "kubeconfigs", kube.look_at_kubeconfigs, 20.0),
    Check(Area.KUBE, "kubectl's policy", kube.look_at_policy, 10.0),
    Check(Area.NETWORK, "proxies", network.look_at_proxies, 5.0),
    Check(Area.NETWORK, "certificates", network.look_at_certificates, 5.0),
    Check(Area.CLOCK, "issuers' clocks", clock.look_at_issuers, 25.0),
    Check(Area.CLOCK, "the clock's past", clock.look_at_steps, 15.0),
    Check(Area.VERSIONS, "keywright itself", versions.look_at_ourselves, 5.0),
    Check(Area.VERSIONS, "libraries", versions.look_at_libraries, 5.0),
    Check(Area.VERSIONS, "clients", versions.look_at_clients, 20.0),
)
