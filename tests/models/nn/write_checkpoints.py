#!/usr/bin/env python3
"""Writes the files that weight readers are tested with: checkpoints as torch.save writes them (without PyTorch: the names that
a pickle refers to are imitated), broken ones, and ones that would run a command if they were loaded by Python.

write_checkpoints.py DIR: into DIR/good and DIR/bad. The commands of the latter would create DIR/executed.
write_checkpoints.py DIR --shapes LIST: DIR/shapes.pth, float32 tensors 0, 0.25, 0.5, ... of the names and extents in LIST.
"""

import argparse
import collections
import io
import math
import os
import pathlib
import pickle
import struct
import sys
import types
import zipfile


def module(name, **members):
    made = types.ModuleType(name)
    sys.modules[name] = made
    for member, value in members.items():
        setattr(made, member, value)
        if hasattr(value, "__module__"):
            value.__module__, value.__qualname__ = name, member
    return made


STORAGES = {"FloatStorage": ("f", 4), "DoubleStorage": ("d", 8), "HalfStorage": ("e", 2), "BFloat16Storage": (None, 2),
            "LongStorage": ("q", 8), "IntStorage": ("i", 4), "ShortStorage": ("h", 2), "CharStorage": ("b", 1),
            "ByteStorage": ("B", 1), "BoolStorage": ("?", 1)}


def rebuild_tensor_v2(*arguments):
    raise NotImplementedError


def rebuild_parameter(*arguments):
    raise NotImplementedError


class Size(tuple):
    def __reduce__(self):
        return Size, (tuple(self),)


torch = module("torch", Size=Size, **{name: type(name, (), {}) for name in STORAGES})
def scalar(*arguments):
    raise NotImplementedError


class dtype:
    def __reduce__(self):
        return dtype, ("f8", False, True), (3, "<", None, None, None, -1, -1, 0)


class NumpyScalar:
    def __reduce__(self):
        return scalar, (dtype(), bytes(8))


module("numpy", dtype=dtype)
module("numpy.core")
module("numpy.core.multiarray", scalar=scalar)
torch._utils = module("torch._utils", _rebuild_tensor_v2=rebuild_tensor_v2, _rebuild_parameter=rebuild_parameter)
rebuild_tensor_v2.__name__ = "_rebuild_tensor_v2"
rebuild_parameter.__name__ = "_rebuild_parameter"


class Storage:
    """Numbers of one type; `claimed` is the length that the pickle tells."""

    def __init__(self, values, kind="FloatStorage", claimed=None):
        letter, self.size = STORAGES[kind]
        self.values, self.kind = values, kind
        if letter:
            self.bytes = struct.pack(f"<{len(values)}{letter}", *values)
        else:
            self.bytes = b"".join(struct.pack("<f", v)[2:] for v in values)
        self.count = len(values) if claimed is None else claimed
        self.key = None


class Tensor:
    def __init__(self, storage, shape, strides=None, offset=0):
        self.storage, self.shape, self.offset = storage, tuple(shape), offset
        if strides is None:
            strides = [1]
            for extent in reversed(self.shape[1:]):
                strides.insert(0, strides[0] * extent)
            strides = strides[:len(self.shape)]
        self.strides = tuple(strides)

    def __reduce__(self):
        return rebuild_tensor_v2, (self.storage, self.offset, self.shape, self.strides, False, collections.OrderedDict())


class Parameter:
    def __init__(self, tensor):
        self.tensor = tensor

    def __reduce__(self):
        return rebuild_parameter, (self.tensor, True, collections.OrderedDict())


class Pickler(pickle.Pickler):
    def __init__(self, out, protocol, legacy):
        super().__init__(out, protocol)
        self.storages, self.legacy = [], legacy

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        if value.key is None or value not in self.storages:
            value.key = str(len(self.storages))
            self.storages.append(value)
        known = ("storage", getattr(torch, value.kind), value.key, "cpu", value.count)
        return known + (None,) if self.legacy else known


def pickled(value, protocol=2, legacy=False):
    out = io.BytesIO()
    pickler = Pickler(out, protocol, legacy)
    pickler.dump(value)
    return out.getvalue(), pickler.storages


def write_zip(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members:
            entry = zipfile.ZipInfo(name)
            entry.compress_type = compression
            archive.writestr(entry, data)


def members_of(value, root="archive", protocol=2):
    data, storages = pickled(value, protocol)
    members = [(f"{root}/data.pkl", data), (f"{root}/byteorder", b"little")]
    members += [(f"{root}/data/{s.key}", s.bytes) for s in storages]
    return members + [(f"{root}/version", b"3\n"), (f"{root}/.data/serialization_id", b"1234")]


def write_new(path, value, root="archive", protocol=2):
    write_zip(path, members_of(value, root, protocol))


def write_old(path, value, protocol=2):
    """The form before PyTorch 1.6."""
    data, storages = pickled(value, protocol, legacy=True)
    machine = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    with open(path, "wb") as out:
        for thing in (0x1950A86A20F9469CFC6C, 1001, machine):
            pickle.dump(thing, out, protocol)
        out.write(data)
        storages.sort(key=lambda s: s.key)
        pickle.dump([s.key for s in storages], out, protocol)
        for storage in storages:
            out.write(struct.pack("<q", storage.count) + storage.bytes)


def values(first, count):
    return [first + 0.25 * i for i in range(count)]


def state_dict(prefix=""):
    """conv.weight [2, 1, 3] = 1, 1.25, ...; conv.bias [2] = -1, -0.75; norm.num_batches_tracked [] = 7."""
    state = collections.OrderedDict()
    state[prefix + "conv.weight"] = Tensor(Storage(values(1, 6)), (2, 1, 3))
    state[prefix + "conv.bias"] = Parameter(Tensor(Storage(values(-1, 2)), (2,)))
    state[prefix + "norm.num_batches_tracked"] = Tensor(Storage([7], "LongStorage"), ())
    state._metadata = collections.OrderedDict([("", {"version": 1})])
    return state


def write_good(folder):
    write_new(folder / "plain.pth", state_dict())
    write_old(folder / "plain_old.pth", state_dict())
    write_new(folder / "protocol4.pth", state_dict(), root="edcstfn_best", protocol=4)
    write_old(folder / "protocol4_old.pth", state_dict(), protocol=4)
    write_new(folder / "protocol5.pth", state_dict(), protocol=5)
    write_new(folder / "parallel.pth", state_dict("module."))
    training = {"epoch": 12, "best": NumpyScalar(), "note": b"bytes", "args": argparse.Namespace(lr=0.1, size=Size((1, 2))),
                "milestones": collections.Counter([3]), "history": [0.5, None, True, -3, 2 ** 70], "chosen": {1, 2},
                "optimizer": {"state": {0: {"exp_avg": Tensor(Storage(values(0, 2)), (2,))}}, "param_groups": [{"lr": 1e-3}]}}
    write_new(folder / "training.pth", dict(training, state_dict=state_dict()))
    write_old(folder / "training_old.pth", dict(training, state_dict=state_dict()))
    for key in ("model", "model_state_dict", "generator", "net", "params"):
        write_new(folder / f"{key}.pth", {key: state_dict(), "loss": Tensor(Storage([0.5]), ())})
    discriminator = {"score.weight": Tensor(Storage([5]), (1,))}
    write_new(folder / "gan.pth", {"generator": state_dict(), "discriminator": discriminator})
    write_new(folder / "two.pth", {"first": state_dict(), "second": discriminator})
    write_new(folder / "nested.pth", {"nets": {"fusion": state_dict()}})

    shared = Storage(values(0, 24))
    views = {"all": Tensor(shared, (2, 3, 4)), "turned": Tensor(shared, (4, 3, 2), (1, 4, 12)), "row": Tensor(shared, (4,), (1,), 8),
             "column": Tensor(shared, (2, 3), (12, 4), 3), "empty": Tensor(shared, (0, 3)), "one": Tensor(shared, (1, 1), (99, 7), 23)}
    write_new(folder / "views.pth", views)
    write_old(folder / "views_old.pth", views)
    numbers = {kind: Tensor(Storage([0, 1, 2, 3] if kind != "BoolStorage" else [False, True, True, False], kind), (4,)) for kind in STORAGES}
    numbers["half"] = Tensor(Storage([-2.5, 65504, 6e-8, 6.1e-5], "HalfStorage"), (4,))
    numbers["bfloat"] = Tensor(Storage([-2.5, 0.15625, 3, 0], "BFloat16Storage"), (4,))
    numbers["double"] = Tensor(Storage([0.1, -1e300, 1e-50, 16777217], "DoubleStorage"), (4,))
    numbers["long"] = Tensor(Storage([-1, 2 ** 40, -2 ** 62, 5], "LongStorage"), (4,))
    write_new(folder / "types.pth", numbers)

    limits = zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT
    zipfile.ZIP64_LIMIT = zipfile.ZIP_FILECOUNT_LIMIT = 1
    write_new(folder / "zip64.pth", state_dict())
    zipfile.ZIP64_LIMIT, zipfile.ZIP_FILECOUNT_LIMIT = limits


class Command:
    """What a malicious file does: loading it in Python would run this."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def global_(module_name, name):
    return b"c" + module_name.encode() + b"\n" + name.encode() + b"\n"


def write_pickle(path, data):
    write_zip(path, [("archive/data.pkl", data), ("archive/data/0", bytes(64))])


def write_commands(folder, mark):
    touch = f"touch {mark}"
    system = Command(os.system, touch)
    write_new(folder / "system.pth", {"state_dict": state_dict(), "x": system})
    write_old(folder / "system_old.pth", {"state_dict": state_dict(), "x": system})
    write_new(folder / "system_4.pth", {"x": system}, protocol=4)
    write_new(folder / "tensor_place.pth", {**state_dict(), "conv.weight": system})
    write_new(folder / "eval.pth", {"x": Command(eval, f"open({str(mark)!r}, 'w')")})
    storage = Storage(values(0, 4))
    inside = Tensor(storage, (4,))
    inside.__class__ = type("Inside", (Tensor,), {"__reduce__": lambda self: (rebuild_tensor_v2, (storage, 0, (4,), (1,), False, system))})
    write_new(folder / "hooks.pth", {"conv.weight": inside})
    (folder / "bare.pth").write_bytes(pickle.dumps(system, 2))
    text = touch.encode()
    argument = b"X" + struct.pack("<I", len(text)) + text
    write_pickle(folder / "posix.pth", b"\x80\x02" + global_("posix", "system") + argument + b"\x85R.")
    write_pickle(folder / "inst.pth", b"\x80\x02(" + argument + b"ios\nsystem\n.")
    write_pickle(folder / "obj.pth", b"\x80\x02(" + global_("os", "system") + argument + b"o.")
    write_pickle(folder / "newobj.pth", b"\x80\x02" + global_("subprocess", "Popen") + argument + b"\x85\x81.")
    write_pickle(folder / "build.pth", b"\x80\x02" + global_("torch", "FloatStorage") + b"}(" + b"X\x0c\0\0\0__setstate__" +
                 global_("os", "system") + b"ubb.")
    write_pickle(folder / "extension.pth", b"\x80\x02\x82\x01" + argument + b"\x85R.")
    write_pickle(folder / "getattr.pth", b"\x80\x04\x8c\x08builtins\x8c\x07getattr\x93.")
    write_pickle(folder / "dotted.pth", b"\x80\x04\x8c\x0bcollections\x8c\x20OrderedDict.__init__.__globals__\x93.")
    write_pickle(folder / "call_text.pth", b"\x80\x02" + argument + b")R.")
    write_pickle(folder / "call_storage.pth", b"\x80\x02" + global_("torch", "FloatStorage") + b")R.")
    write_pickle(folder / "persistent.pth", b"\x80\x02" + argument + b"Q.")
    write_pickle(folder / "persistent_text.pth", b"\x80\x02P" + text + b"\n.")


def write_bombs(folder):
    doubling = b"\x80\x02]q\x000" + b"".join(b"](h%ch%ceq%c0" % (i, i, i + 1) for i in range(200)) + b"h\xc8."
    write_pickle(folder / "memo_bomb.pth", doubling)
    write_pickle(folder / "many_values.pth", b"\x80\x02" + b"N0" * 1_500_000 + b"N.")
    write_pickle(folder / "many_marks.pth", b"\x80\x02" + b"(" * 1_500_000 + b".")
    write_pickle(folder / "deep.pth", b"\x80\x02" + b"N" + b"\x85" * 900_000 + b".")
    write_pickle(folder / "itself.pth", b"\x80\x02}q\x00X\x01\0\0\0ah\x00s.")
    for name, opcode in (("text", b"X" + struct.pack("<I", 2 ** 32 - 1)), ("text8", b"\x8d" + struct.pack("<Q", 2 ** 62)),
                         ("bytes8", b"\x8e" + struct.pack("<Q", 2 ** 64 - 1)), ("bytearray8", b"\x96" + struct.pack("<Q", 2 ** 62)),
                         ("long4", b"\x8b" + struct.pack("<i", -1))):
        write_pickle(folder / f"length_{name}.pth", b"\x80\x04" + opcode + b"abc.")
    for name, data in (("underflow", b"t."), ("no_mark", b"(1t."), ("pop", b"0."), ("two_values", b"NN."), ("no_value", b"."),
                       ("recall", b"h\x05."), ("append", b"NNa."), ("odd_items", b"}(NNNu."), ("unknown", b"\xff."), ("zero", b"\0."),
                       ("protocol0", b"I1\n."), ("unended", b"NNN")):
        write_pickle(folder / f"machine_{name}.pth", b"\x80\x02" + data)


def write_broken_tensors(folder):
    small = lambda claimed=None: Storage(values(0, 4), claimed=claimed)
    write_new(folder / "storage_short.pth", {"w": Tensor(small(claimed=8), (8,))})
    write_old(folder / "storage_short_old.pth", {"w": Tensor(small(claimed=8), (8,))})
    write_new(folder / "storage_huge.pth", {"w": Tensor(small(claimed=2 ** 62), (2 ** 62,))})
    write_new(folder / "shape_large.pth", {"w": Tensor(small(), (5,))})
    write_new(folder / "shape_overflow.pth", {"w": Tensor(small(), (2 ** 33, 2 ** 33), (0, 0))})
    write_new(folder / "shape_negative.pth", {"w": Tensor(small(), (-1,), (1,))})
    write_new(folder / "shape_rank.pth", {"w": Tensor(small(), (1,) * 17)})
    write_new(folder / "stride_large.pth", {"w": Tensor(small(), (2, 2), (3, 1))})
    write_new(folder / "stride_overflow.pth", {"w": Tensor(small(), (2, 2), (2 ** 62, 2 ** 62))})
    write_new(folder / "stride_missing.pth", {"w": Tensor(small(), (2, 2), (2,))})
    write_new(folder / "stride_negative.pth", {"w": Tensor(small(), (2,), (-1,), 1)})
    write_new(folder / "offset_large.pth", {"w": Tensor(small(), (2,), (1,), 3)})
    write_new(folder / "offset_overflow.pth", {"w": Tensor(small(), (2,), (1,), 2 ** 63 - 1)})
    write_new(folder / "offset_negative.pth", {"w": Tensor(small(), (2,), (1,), -1)})
    large = Storage(values(0, 1000))
    write_new(folder / "shared_bomb.pth", {f"w{i}": Tensor(large, (1000,)) for i in range(2000)})
    write_new(folder / "no_tensors.pth", {"a": 1, "b": {"c": "text"}})
    write_new(folder / "one_value.pth", 5)
    members = [m for m in members_of(state_dict()) if m[0] != "archive/data/1"]
    write_zip(folder / "storage_absent.pth", members)
    write_zip(folder / "big_endian.pth", [(n, b"big" if n.endswith("byteorder") else d) for n, d in members_of(state_dict())])


def write_broken_archives(folder):
    write_zip(folder / "torchscript.pt", members_of(state_dict()) + [("archive/constants.pkl", b"\x80\x02)."), ("archive/code/x.py", b"")])
    write_zip(folder / "compressed.pth", [(n, d * 50 if n.endswith("data/0") else d) for n, d in members_of(state_dict())],
              zipfile.ZIP_DEFLATED)
    write_zip(folder / "other.zip", [("readme.txt", b"hello")])
    write_zip(folder / "packed.zip", [("weights.pth", b"hello")])
    good = (folder.parent / "good" / "plain.pth").read_bytes()
    directory = good.index(b"PK\x01\x02")
    end = good.rindex(b"PK\x05\x06")

    def patched(name, at, data):
        (folder / name).write_bytes(good[:at] + data + good[at + len(data):])

    patched("header_outside.pth", directory + 42, struct.pack("<I", 2 ** 31))
    patched("header_elsewhere.pth", directory + 42, struct.pack("<I", 1))
    patched("member_large.pth", directory + 20, struct.pack("<II", 2 ** 31, 2 ** 31))
    patched("member_overlap.pth", directory + 20, struct.pack("<II", 5000, 5000))
    patched("name_differs.pth", directory + 46, b"brchive")
    patched("directory_outside.pth", end + 16, struct.pack("<I", 2 ** 31))
    patched("directory_large.pth", end + 12, struct.pack("<I", 2 ** 31))
    patched("many_entries.pth", end + 10, struct.pack("<H", 500))
    patched("zip64_absent.pth", end + 16, struct.pack("<I", 2 ** 32 - 1))
    patched("encrypted.pth", directory + 8, b"\x01")
    patched("bit.pth", good.index(b"archive/data/0") + 20, b"\x55")
    (folder / "text.pth").write_text("<!DOCTYPE html>\n<title>Sign in</title>\n")
    (folder / "empty.pth").write_bytes(b"")


def write_shapes(path, lines):
    state = collections.OrderedDict()
    for name, *extents in (line.split() for line in lines):
        shape = [int(extent) for extent in extents]
        state[name] = Tensor(Storage([0.25 * (i % 64) for i in range(math.prod(shape))]), shape)
    write_new(path, {"epoch": 3, "state_dict": state})


def main():
    folder = pathlib.Path(sys.argv[1])
    if len(sys.argv) > 2:
        write_shapes(folder / "shapes.pth", pathlib.Path(sys.argv[3]).read_text().splitlines())
        return
    for name in ("good", "bad"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    write_good(folder / "good")
    write_commands(folder / "bad", folder / "executed")
    write_bombs(folder / "bad")
    write_broken_tensors(folder / "bad")
    write_broken_archives(folder / "bad")


if __name__ == "__main__":
    main()
