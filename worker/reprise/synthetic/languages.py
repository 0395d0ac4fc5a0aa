"""Define the languages of a synthetic crawl: syllables, function words, punctuation.

vocabulary.py invents all other words, so that the crawl needs no real text and imitates none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """The syllables, function words and punctuation of a language. In each tuple earlier entries are more frequent.

    A syllable is onset + nucleus + coda; in a script without spaces it is one ideograph and `word_separator` is empty.
    `seed` is the language's part in the seeds of its vocabulary and text.
    """

    code: str
    seed: int
    onsets: tuple[str, ...]
    nuclei: tuple[str, ...]
    codas: tuple[str, ...]
    function_words: tuple[str, ...]
    word_separator: str = " "
    comma: str = ","
    full_stop: str = "."


def _split(text: str) -> tuple[str, ...]:
    """Split a line into parts. "-" stands for an empty part."""
    return tuple("" if word == "-" else word for word in text.split())


#: number of different ideographs; a newspaper reader knows two to three thousand
_IDEOGRAPHS = 2500

#: first ideograph of the Unicode block, its size, and a step that is coprime to the size, so that none repeats
_FIRST_IDEOGRAPH, _IDEOGRAPH_STEP, _IDEOGRAPH_BLOCK = 0x4E00, 7919, 20902

_ENGLISH = Language(
    code="en",
    seed=1,
    onsets=_split("t s r d l n m c p b f h w g th st pr tr sh ch gr pl cl br fl sp dr k v - j y str qu"),
    nuclei=_split("e a i o u ea ou ai ee oo y io au"),
    codas=_split("- n r t s d l nd ng st ck m nt ll p rd ss x"),
    function_words=_split(
        "the of to and in a that for was on with as by at from has it were his have said which its but they after "
        "will this not more over their had about than into would who an between been under since because while or"
    ),
)

_FRENCH = Language(
    code="fr",
    seed=2,
    onsets=_split("r l s t d m p n v c b f ch j g tr pr br cr gr pl qu bl fr h - st gn"),
    nuclei=_split("e a i o é u ou ai eu oi è au ie ê â"),
    codas=_split("- - r n s t l nt nce que te x lle ge ment"),
    function_words=_split(
        "de la le les et des en un une dans que du pour qui sur par au avec plus ce est son ne pas se il aux cette "
        "ont mais été sont après leur entre depuis selon sans deux contre comme ses était ou"
    ),
)

_GERMAN = Language(
    code="de",
    seed=3,
    onsets=_split("g b s d h f w m r l st t sch k n v z p tr br gr kr fr schl spr - pf zw j kl"),
    nuclei=_split("e a i u ei o ie au ä ü eu ö"),
    codas=_split("n r - t ch s l nd cht ng st rt m ck tz f lt hn"),
    function_words=_split(
        "die der und in den das von zu mit des auf für im ist dem nicht ein eine als auch nach an wird bei aus sich "
        "sie hat er dass es einer vor werden über um wie durch noch nur bis seit gegen unter sei oder"
    ),
)

_SPANISH = Language(
    code="es",
    seed=4,
    onsets=_split("c d r s t l m p n v b g tr ll pr f h j gr br cr ch pl y qu fr z -"),
    nuclei=_split("a e o i u ie ue ia io ó á í ua"),
    codas=_split("- - - s n r l d z ción"),
    function_words=_split(
        "de la que el en y los del se las un por con una para su al es lo como más sus pero ha este sobre entre cuando "
        "desde todo también fue hasta según donde sin tras durante contra ante"
    ),
)

_RUSSIAN = Language(
    code="ru",
    seed=5,
    onsets=_split("п с т в н к р л д м б з г пр ст ч х ж тр ш ф ц кр гр вл - сл"),
    nuclei=_split("о а е и у я ы ю э ё"),
    codas=_split("- - - н т л в ть й сь х м ль ст"),
    function_words=_split(
        "в и на что с по не из за к о от для как его это у до он при но после также были она все более под о "
        "между через перед или если чтобы где когда так же"
    ),
)

_ARABIC = Language(
    code="ar",
    seed=6,
    onsets=_split("ل م ن ر ت ب س ع د ك ق ف ح ج ش ص ط خ ذ ز ه غ ض"),
    nuclei=_split("- ا ي و - ا"),
    codas=_split("- - - ة ن ر ت ين ات"),
    function_words=_split(
        "في من على أن إلى التي عن مع هذا كان ما بعد لا كما الذي بين وقد خلال هذه قبل حتى منذ ذلك عند أو إن حول ضد لدى"
    ),
    comma="،",
)

_CHINESE = Language(
    code="zh",
    seed=7,
    onsets=tuple(chr(_FIRST_IDEOGRAPH + n * _IDEOGRAPH_STEP % _IDEOGRAPH_BLOCK) for n in range(1, _IDEOGRAPHS + 1)),
    nuclei=("",),
    codas=("",),
    function_words=_split("的 了 在 是 和 将 对 与 为 于 中 等 从 被 向 以 因 其 后 前 而 并 也 不 都 由 至 但"),
    word_separator="",
    comma="，",
    full_stop="。",
)

LANGUAGES: Mapping[str, Language] = MappingProxyType(
    {x.code: x for x in (_ENGLISH, _FRENCH, _GERMAN, _SPANISH, _RUSSIAN, _ARABIC, _CHINESE)}
)
