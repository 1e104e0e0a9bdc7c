"""Writes ZIP archives of arrays into the folder given, the corpus tests/fuzz/corpus/npz, as NumPy, Python's zipfile and
Info-ZIP make them: whole ones, and those that a reader must refuse. Needs NumPy and zip; run it only to add a file, as
every run changes the dates in the files.
"""
import io
import os
import pathlib
import subprocess
import sys
import warnings
import zipfile
import zlib

import numpy

folder = pathlib.Path(sys.argv[1])
arrays = {"x": numpy.arange(6, dtype="f4").reshape(2, 3), "y": numpy.array([7], dtype="i8")}


def npy(array):
    out = io.BytesIO()
    numpy.lib.format.write_array(out, array)
    return out.getvalue()


def archive(name, entries, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(folder / name, "w") as out:
        for entry, content in entries:
            out.writestr(entry if isinstance(entry, zipfile.ZipInfo) else zipfile.ZipInfo(entry), content, method)


class Pipe(io.RawIOBase):
    """What cannot be rewound: sizes and checksums then follow the data of each entry."""

    def __init__(self, file):
        self.file = file

    def writable(self):
        return True

    def write(self, data):
        return self.file.write(data)


def piped(name, method):
    with open(folder / name, "wb") as file, zipfile.ZipFile(Pipe(file), "w", method) as out:
        for key, array in arrays.items():
            with out.open(key + ".npy", "w", force_zip64=True) as entry:
                entry.write(npy(array))


def overlapping(name, count, size):
    """Each entry quotes the header of the next one in a stored block of its data, and ends with the data of all."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed, whole = packer.compress(bytes(size)) + packer.flush(), bytes(size)
    local, directory = b"", []
    for number in reversed(range(count)):
        title = b"%d.npy" % number
        if local:
            length = len(local).to_bytes(2, "little")
            complement = (len(local) ^ 0xFFFF).to_bytes(2, "little")
            packed, whole = b"\0" + length + complement + local + packed, local + whole
        common = b"\x14\0\0\0\x08\0\0\0\x21\0" + b"".join(
            value.to_bytes(4, "little") for value in (zlib.crc32(whole), len(packed), len(whole))
        ) + len(title).to_bytes(2, "little") + b"\0\0"
        local = b"PK\x03\x04" + common + title
        directory.append((len(local) + len(packed), common, title))
    data = local + packed
    central = b"".join(
        b"PK\x01\x02\x14\x03" + common + bytes(10) + (len(data) - end).to_bytes(4, "little") + title
        for end, common, title in reversed(directory)
    )
    end = b"PK\x05\x06\0\0\0\0" + count.to_bytes(2, "little") * 2
    end += len(central).to_bytes(4, "little") + len(data).to_bytes(4, "little") + b"\0\0"
    (folder / name).write_bytes(data + central + end)


warnings.simplefilter("ignore")  # of the name that stands twice
numpy.savez(folder / "numpy_savez.npz", **arrays)
numpy.savez_compressed(folder / "numpy_savez_compressed.npz", **arrays)
piped("descriptor_stored.npz", zipfile.ZIP_STORED)
piped("descriptor_deflated.npz", zipfile.ZIP_DEFLATED)
two = [(key + ".npy", npy(array)) for key, array in arrays.items()]
archive("bzip2.npz", two, zipfile.ZIP_BZIP2)
archive("lzma.npz", two, zipfile.ZIP_LZMA)
x = two[0][1]
archive("names.npz", [(name + ".npy", x) for name in ("größe", "入力", "/model/Add_output_0", "../up", "C:\\x")])
archive("twice.npz", [("x.npy", x), ("x.npy", x)])
archive("folder.npz", [("group/", b""), ("group/x.npy", x)])
link = zipfile.ZipInfo("x.npy")
link.create_system, link.external_attr = 3, 0o120777 << 16
archive("link.npz", [(link, "/etc/passwd")])
(folder / "x.npy").write_bytes(x)
subprocess.run(["zip", "-q", "-X", "-P", "secret", "encrypted.npz", "x.npy"], cwd=folder, check=True)
os.remove(folder / "x.npy")
whole = (folder / "numpy_savez.npz").read_bytes()
(folder / "trailing.npz").write_bytes(whole + b"garbage")
(folder / "preceded.npz").write_bytes(b"garbage" + whole)
(folder / "commented.npz").write_bytes(whole[:-2] + b"\x07\0comment")
(folder / "cut_directory.npz").write_bytes(whole[:-52] + whole[-22:])
overlapping("overlapping.npz", 50, 1_000_000)
