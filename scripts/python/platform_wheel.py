"""Tells hatchling that the wheel holds programs: of one platform, for every Python."""

import platform

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PlatformWheel(BuildHookInterface):
    def initialize(self, version, build_data):
        build_data["pure_python"] = False
        build_data["tag"] = "py3-none-linux_" + platform.machine()
