"""What an object's name says about it: an audio file, or a file that an operating system wrote beside one."""

from __future__ import annotations

_AUDIO = (
    "3ga 8svx aa3 aac ac3 adts adx aif aifc aiff amr ape apl au awb bw64 bwf caf dff dsf dts dtshd eac3 ec3 f4a f4b "
    "flac g722 gsm m2a m4a m4b m4r mac mka mlp mp+ mp1 mp2 mp3 mpa mpc mpga mpp nist oga ogg oma omg opus ra rf64 rka "
    "shn sln snd sph spx tak thd tta voc vqf w64 wav wave weba wma wv xwma"
)
_AUDIO_WITH_VIDEO = (
    "3g2 3gp 3gpp asf avi divx dv f4v flv m2t m2ts m4v mkv mov mp4 mpe mpeg mpg mts mxf nut ogm ogv ogx qt rm rmvb tp "
    "trp ts vob webm wmv"
)

AUDIO_EXTENSIONS = frozenset(f"{_AUDIO} {_AUDIO_WITH_VIDEO}".split())
"""Extensions of what FFmpeg's demuxers read, in lower case. Used when no pattern is given."""

_SYSTEM_NAMES = frozenset({".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini"})
_SYSTEM_FOLDERS = (".appledouble/", "__macosx/")


def has_audio_extension(key: str) -> bool:
    """Whether the name of an object has a known extension, in either case."""
    _, dot, extension = key[key.rfind("/") + 1 :].rpartition(".")
    return bool(dot) and extension.lower() in AUDIO_EXTENSIONS


def is_system_file(key: str) -> bool:
    """Whether the name is one that macOS or Windows gives to what it writes beside a user's files.

    `._song.wav` (AppleDouble) holds the attributes of `song.wav`, and no audio.
    """
    name = key[key.rfind("/") + 1 :]
    if name.startswith("._"):
        return True
    if name.lower() in _SYSTEM_NAMES:
        return True
    folder = key[: len(key) - len(name)].lower()
    return any(folder.startswith(one) or f"/{one}" in folder for one in _SYSTEM_FOLDERS)
