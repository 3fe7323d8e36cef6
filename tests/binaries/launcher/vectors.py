"""The table that holds hit.py and the launcher to one behaviour: questions and answers, and what becomes of each.

The digests are written out: whoever speaks to this cache in a third language has them to go by.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from binaries.launcher.built import STDIN_ANSWERED, Question

GIT, DOCKER, KUBE = "git-credential-keywright", "docker-credential-keywright", "kube-credential-keywright"
PERSON = "keywright"
PLACE = b"protocol=https\nhost=github.com\n"
ISSUED = PLACE + b"username=x-access-token\npassword=ghs_1\n"
HOME: Final = {b"HOME": b"/home/me"}
CACHE: Final = "/home/me/.cache/keywright"


class Asked(NamedTuple):
    """One question, its digest ("" where nothing may answer it), and the cache's folder."""

    case: str
    question: Question
    digest: str
    folder: str = CACHE
    is_left_to_python: bool = False
    """Whether the launcher steps aside where hit.py answers."""


def git(stdin: bytes, *args: bytes, **env: bytes) -> Question:
    """Return one of git's questions."""
    return Question(GIT, args or (b"get",), {**HOME, **{key.encode(): value for key, value in env.items()}}, stdin)


QUESTIONS: Final = [
    Asked("git", git(PLACE + b"\n"), "75baaf8532862b423c54fcf23f6ef5af7ba32464b9e44d001037adbf893dd172"),
    Asked("git, nothing sent", git(b""), "fcec6b5f895d0b2e66d43acb86805c9f27a6603871b6777ea2732d57933a4e4a"),
    Asked("git, a blank line alone", git(b"\n"), "ce91ee36a4a0f45880901aa05066db03dd3ba9d097aea14e826ae777b96e961b"),
    Asked(
        "git, no line feed at the end",
        git(b"host=github.com"),
        "91aa79bdb4738c00e7ec66fa41295f5370c8af885584c3de0c09981c78c063d8",
    ),
    Asked(
        "git, a server's nonce",
        git(PLACE + b"wwwauth[]=Digest nonce=2\n\n"),
        "75baaf8532862b423c54fcf23f6ef5af7ba32464b9e44d001037adbf893dd172",
    ),
    Asked(
        "git, nothing but nonces",
        git(b"wwwauth[]=1\nwwwauth[]=2"),
        "fcec6b5f895d0b2e66d43acb86805c9f27a6603871b6777ea2732d57933a4e4a",
    ),
    Asked(
        "git, bytes of every kind",
        git(b"\0\xff\n\n" + bytes(range(256))),
        "e34d27808511c301b72f750dda60aa21dd90ff24e722028b7d7bafc55e7fb64d",
    ),
    Asked("git, a password", git(PLACE + b"password=x\n\n"), ""),
    Asked("git, a password at the end", git(PLACE + b"password="), ""),
    Asked("git, an empty state", git(b"state[]\n" + PLACE), ""),
    Asked("git, a URL", git(b"url=https://x@y\n\n"), ""),
    Asked(
        "git, what only looks like a secret",
        git(b"xpassword=x\npasswor=x\nPassword=x\n\n"),
        "42fd6441aae5cdaac4d5e28d7220ab61266891e3d9534b1dc7d4b2a980c7d838",
    ),
    Asked(
        "git store", git(ISSUED + b"\n", b"store"), "894af1b4c8fe1510249f039d1021130edc24228bc10119ca3722f96181e15b1b"
    ),
    Asked(
        "git store, in another order and with more",
        git(b"a=b\n" + b"".join(sorted(ISSUED.splitlines(True))) + ISSUED, b"store"),
        "894af1b4c8fe1510249f039d1021130edc24228bc10119ca3722f96181e15b1b",
    ),
    Asked(
        "git store, nothing that counts",
        git(b"a=b\n\n", b"store"),
        "085530fbbfffebfd54fe0f86de750b3931fe8561c3bcbebbf596c7166c317986",
    ),
    Asked(
        "git store, 64 lines that count",
        git(b"".join(b"path=%d\n" % i for i in range(64)), b"store"),
        "6b894b76474887223ba30807fc4f2900e6b30557249b9605d0be588282919062",
    ),
    Asked(
        "git store, 65 of them",
        git(b"".join(b"path=%d\n" % i for i in range(65)), b"store"),
        "8718db3ed7481082f051f5ad8512afb9535b97d40a99403a36dab3ce069619d1",
        is_left_to_python=True,
    ),
    Asked("git store among other arguments", git(ISSUED, b"x", b"store"), ""),
    Asked(
        "git, 64 KiB", git(b"x" * STDIN_ANSWERED), "dd24a34c63708f96c430ce4b55c53020569a1fefb062ae6710119179ad5d087f"
    ),
    Asked(
        "git, 64 KiB and a byte",
        git(b"x" * (STDIN_ANSWERED + 1)),
        "7fbfc653def434a12c2a7368004231bd319d122a7895d20facd25619c7654c20",
        is_left_to_python=True,
    ),
    Asked(
        "docker",
        Question(DOCKER, stdin=b"https://ghcr.io"),
        "0f5c4f047754b3d4d9ac2b33783eb9390ca45b49e9cec5ddb6906c70fe4660bd",
    ),
    Asked(
        "docker, what is a nonce to git",
        Question(DOCKER, stdin=b"ghcr.io\nwwwauth[]=.evil"),
        "8cfb899234ff47eaf44949385fc8d325d3a786ae3bc57fcec503fcce1c53c12a",
    ),
    Asked("docker store", Question(DOCKER, [b"store"], stdin=ISSUED), ""),
    Asked(
        "kubectl",
        Question(KUBE, [b"eks", b"--cluster", b"prod"]),
        "bcd6c36ca45247aaf7533a4613c8b4458ff2e7981fe86d7e15c94f2c446066be",
    ),
    Asked(
        "kubectl, no arguments", Question(KUBE, []), "a82bad4054a8259d532b3f69ac80922fc32b2015e27ffa7f5836de9a6782a2cc"
    ),
    Asked(
        "kubectl, an empty argument",
        Question(KUBE, [b""]),
        "c8ddd1c8f9159fb19be2e0debcf68d2f354f660221c71a170d3da469bfdde95f",
    ),
    Asked(
        "a person",
        Question(PERSON, [b"token", b"github-app:acme"]),
        "c74e7840381f91f87d52dc8afbcb3884db8aa8dac4a04bdc2b738336b78aa32b",
    ),
    Asked(
        "arguments of every byte",
        Question(KUBE, [bytes(range(1, 256)), "zürich".encode(), b"\xff\xfe"]),
        "9b218b3197463204be9d466caabe8e26177a7f5469cabdfd2330fec59edcabb2",
    ),
    Asked(
        "variables, listed and not, in the order of their names",
        git(
            PLACE,
            b"get",
            AWS_B=b"1",
            AWS_A1=b"2",
            AWS_A=b"3",
            aws_a=b"4",
            PATH=b"/bin",
            KEYWRIGHT_="=é".encode(),
            AWS_=b"",
        ),
        "5b4c65996cb8692254b7cb11292bf506b3a62e252f09190734e757662cdb2f58",
    ),
    Asked(
        "a variable that ends where the next begins",
        git(PLACE, b"get", AWS_A=b"1", **{"AWS_A-": b"2", "AWS_A.B": b"3"}),
        "a455f0fb28c3bb55c36b7f28d07a2df5574d12d033cb085083508601012dccbc",
    ),
    Asked(
        "a prefix alone is not listed",
        git(PLACE, b"get", AWS=b"1", KEYWRIGHT=b"2", XDG_RUNTIME_HOME=b"3"),
        "4fd0e315a3bac412765b125f335364df7e06631b66c39fbdc1fe615ac7075b22",
    ),
    Asked(
        "kubectl's own variable",
        git(PLACE, b"get", KUBERNETES_EXEC_INFO=b"{}", GIT_TERMINAL_PROMPT=b"0"),
        "af9e20e0f02b9729aaba085dd6fec951f1140f3a67fc1e108033144711f28a46",
    ),
    Asked("a relative path", git(PLACE, b"get", AWS_CONFIG_FILE=b"config"), ""),
    Asked(
        "an empty path",
        git(PLACE, b"get", AWS_CONFIG_FILE=b""),
        "407b6646132b979ad4089c3d4ced35d98d7e0b59bc8841bf03fe927af6faac64",
    ),
    Asked(
        "a variable of another alphabet",
        git(PLACE, b"get", AWS_É=b"1"),
        "4ca2c248b89d246fce5931f40cc5285da54798c4543766d6ca1441ed48c2cdf4",
        is_left_to_python=True,
    ),
    Asked(
        "128 listed variables",
        git(PLACE, b"get", **{f"AWS_{i}": b"" for i in range(127)}),
        "d0e318db461601459223a28ff760054aa086abe284715be8374e04f7b3d2d864",
    ),
    Asked(
        "129 of them",
        git(PLACE, b"get", **{f"AWS_{i}": b"" for i in range(128)}),
        "b60509a6afe4099ba44d83d08df79d96957215051dee94e33085311b5049f418",
        is_left_to_python=True,
    ),
    Asked(
        "a folder of its own",
        git(PLACE, b"get", KEYWRIGHT_HOME=b"/kw"),
        "73f7dd26284f3afb50ddabdaff788c5655d47be1cd9445f215711f4125bb608f",
        "/kw/cache",
    ),
    Asked("a folder of its own, relative", git(PLACE, b"get", KEYWRIGHT_HOME=b"kw"), ""),
    Asked(
        "XDG",
        git(PLACE, b"get", XDG_CACHE_HOME=b"/x"),
        "a9e1de51533b3f6393db4fcf7b60ee4696c4e597378c315137c65dd76a10fd61",
        "/x/keywright",
    ),
    Asked(
        "XDG, with a slash",
        git(PLACE, b"get", XDG_CACHE_HOME=b"/x//"),
        "93b756ff24fca56275eeff3edd2045fa89606fe91dee71ecbee376c8b49f2594",
        "/x//keywright",
    ),
    Asked(
        "XDG, the root",
        git(PLACE, b"get", XDG_CACHE_HOME=b"/"),
        "6d4bc0a05d2a5dc5d92b3f44bc9f4b0f58ca79877334be618b71c295730b4f4e",
        "/keywright",
    ),
    Asked("XDG, a blank at the end", git(PLACE, b"get", XDG_CACHE_HOME=b"/x "), ""),
    Asked("XDG, a wide blank at the end", git(PLACE, b"get", XDG_CACHE_HOME="/x\u3000".encode()), ""),
    Asked(
        "XDG, of another alphabet",
        git(PLACE, b"get", XDG_CACHE_HOME="/ü".encode()),
        "8185b114ce3a0360645ae56a86fe6949e87cc8db417120714e4321aaa7ce388e",
        "/ü/keywright",
        is_left_to_python=True,
    ),
    Asked(
        "XDG, beginning so",
        git(PLACE, b"get", XDG_CACHE_HOME="/üx".encode()),
        "324352770c22598ed0f41c89a1538d52e79180dbf2c84b6a35e3d625c07c546e",
        "/üx/keywright",
    ),
    Asked(
        "a home with slashes",
        git(PLACE, b"get", HOME=b"/home/me//"),
        "14c4e8402204ec63e48ca195e154e5c373b0635d8d80af98f449acc68d949317",
    ),
    Asked(
        "the root as home",
        git(PLACE, b"get", HOME=b"/"),
        "4f7f731777aa43b3a59b18d08f854efbea2497250a951af5bed0038416d9a13d",
        "/.cache/keywright",
    ),
    Asked("an empty home", git(PLACE, b"get", HOME=b""), ""),
    Asked("no home", Question(GIT, env={}, stdin=PLACE), ""),
    Asked("a relative home", git(PLACE, b"get", HOME=b"me"), ""),
]


class Judged(NamedTuple):
    """One answer, by what is changed in a good one, and whether hit.py uses it."""

    case: str
    changed: Mapping[bytes, bytes | None] = {}
    """Facts with other values; None where the fact is left out."""
    added: Sequence[bytes] = ()
    """Lines at the end of the facts."""
    is_used: bool = True
    is_left_to_python: bool = False
    """Whether the launcher steps aside where hit.py uses it."""


def _bad(case: str, fact: bytes, value: bytes | None) -> Judged:
    return Judged(case, {fact: value}, is_used=False)


def _odd(case: str, fact: bytes, value: bytes) -> Judged:
    return Judged(case, {fact: value}, is_left_to_python=True)


ANSWERS: Final = [
    Judged("good"),
    Judged("not mine", {b"entry": b"-", b"exit": b"1"}),
    Judged("another exit code", {b"exit": b"255"}),
    Judged("an exit code of three digits", {b"exit": b"007"}),
    Judged("something new", added=[b"something new", b"more", b"x "]),
    Judged("the last of two counts", {b"exit": b"no"}, [b"exit 3"]),
    Judged("the last of two counts, if it is worse", added=[b"expires never"], is_used=False),
    Judged("an absent input", added=[b"input - /nowhere/at/all"]),
    Judged("an input that cannot be looked at", added=[b"input !36 /" + b"x" * 300]),
    Judged("an input of a long path", added=[b"input !36 " + b"/x" * 3000]),
    Judged("an input without a name", added=[b"input - "]),
    Judged("an input that appeared", added=[b"input - /"], is_used=False),
    Judged("an input that went", added=[b"input 1:2:3:4:5 /nowhere/at/all"], is_used=False),
    Judged("an input without a stamp", added=[b"input"], is_used=False),
    Judged("an input with a NUL", added=[b"input !0 /x\0y"], is_left_to_python=True),
    Judged("an input with a NUL in a long path", added=[b"input !36 /x\0" + b"/x" * 3000], is_used=False),
    Judged("a whole second", {b"issued": b"1899999000"}),
    Judged("many digits", {b"issued": b"1899999000.1234567890123"}),
    Judged("an exponent", {b"issued": b"1.899999e9"}),
    _bad("no exit code", b"exit", None),
    _bad("no issue", b"issued", None),
    _bad("no refresh", b"refresh", None),
    _bad("no expiry", b"expires", None),
    _bad("no boot", b"boot", None),
    _bad("no entry", b"entry", None),
    _bad("no generation", b"generation", None),
    _bad("a negative exit code", b"exit", b"-1"),
    _bad("an exit code beyond a byte", b"exit", b"256"),
    _bad("an exit code in words", b"exit", b"no"),
    _bad("an empty exit code", b"exit", b""),
    _bad("issued in words", b"issued", b"soon"),
    _bad("issued never", b"issued", b"nan"),
    _bad("issued later", b"issued", b"1900000000.5"),
    _bad("refresh in words", b"refresh", b"later"),
    _bad("refresh of two numbers", b"refresh", b"1 2"),
    _bad("expires in words", b"expires", b"never"),
    _bad("expires a moment ago", b"expires", b"1899999999.9999"),
    _odd("a code with a sign", b"exit", b"+0"),
    _odd("a code with a blank", b"exit", b" 0"),
    _odd("a code of four digits", b"exit", b"0000"),
    _odd("a code with an underscore", b"exit", b"1_1"),
    _odd("a number with a blank", b"issued", b" 1"),
    _odd("a number with an underscore", b"issued", b"1_0"),
    _odd("a number with a sign", b"issued", b"+1"),
    _odd("a number without an integer", b"issued", b".5"),
    _odd("a number without a fraction", b"issued", b"5."),
    _odd("a number of another alphabet", b"issued", "\u0663".encode()),
    _odd("a number in another case", b"issued", b"1E3"),
    _odd("a number of 32 digits", b"issued", b"1." + b"0" * 30),
    _odd("no end at all", b"expires", b"inf"),
    _odd("an entry that leads elsewhere", b"entry", b"../entry"),
    _odd("an entry without a name", b"entry", b""),
    _odd("an entry of 129 characters", b"entry", b"e" * 129),
    _odd("a generation of another alphabet", b"generation", b"\xff"),
    _odd("a generation of 32 characters", b"generation", b"1" * 32),
    Judged("an entry of 128 characters", {b"entry": b"e" * 128}),
]
