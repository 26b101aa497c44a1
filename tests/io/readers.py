#!/usr/bin/env python3
"""Opens a cube with every reader that is installed and compares what they find.

usage: readers.py CUBE [EXPECTED.json]

Values, time axis, bands, CRS, pixel positions, no-data, scale and the type of the flags must be the same in all of them:
as in EXPECTED.json (written by make_cubes), or else as the plain HDF5 view of the cube. Readers that are not installed
are named and left out. Exit status: 0 all agree, 1 some do not, 77 nothing to read with.
"""

import contextlib
import datetime
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings

EPOCH = datetime.date(1970, 1, 1)
FILL = -32768
FLAG_MEANINGS = "no_data observed fused gap_filled low_confidence input_masked extrapolated clamped disturbed"


class Absent(Exception):
    """The reader is not installed here."""


def module(name):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return __import__(name, fromlist=["_"])
    except ImportError as error:
        raise Absent(str(error)) from error


def program(name):
    if shutil.which(name) is None:
        raise Absent(f"no program {name}")
    return name


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}: {done.stderr[-400:]}"
    return done.stdout


def same(what, found, wanted):
    assert found == wanted, f"{what} is {found!r}, not {wanted!r}"


def near(what, found, wanted, tolerance=1e-9):
    import numpy

    scale = max(1.0, float(numpy.max(numpy.abs(wanted))))
    assert numpy.allclose(found, wanted, rtol=0, atol=tolerance * scale), f"{what} is {found!r}, not {wanted!r}"


class Expected:
    """What every reader must find."""

    def __init__(self, cube, description):
        import numpy

        self.cube = cube
        entry = json.loads(description.read_text()) if description else self.describe(cube)
        vars(self).update(entry)
        shape = tuple(self.shape)
        flat = (shape[0], *shape[2:])
        read = lambda name, kind, size: numpy.fromfile(description.parent / self.files[name], kind).reshape(size)
        if description:
            self.product = read("product", "<i2", shape)
            self.uncertainty = read("uncertainty", "<i2", shape)
            self.quality = read("quality", "u1", flat)
        self.x = self.origin[0] + (numpy.arange(shape[3]) + 0.5) * self.pixel[0]
        self.y = self.origin[1] - (numpy.arange(shape[2]) + 0.5) * self.pixel[1]
        self.days = [(datetime.date.fromisoformat(date) - EPOCH).days for date in self.dates]
        self.geotransform = (self.origin[0], self.pixel[0], 0, self.origin[1], 0, -self.pixel[1])

    @staticmethod
    def describe(cube):
        """The plain view of the file, for a cube nobody described."""
        h5py = module("h5py")
        with h5py.File(cube) as file:
            variable = next(name for name in ("reflectance", "index", "temperature") if name in file)
            product, crs = file[variable], file["crs"]
            x0, dx, _, y0, _, dy = map(float, text(crs.attrs["GeoTransform"]).split())
            wkt = text(crs.attrs.get("crs_wkt", b""))
            epsg = int(wkt.rsplit('ID["EPSG",', 1)[1].rstrip("]")) if wkt.endswith("]]") and 'ID["EPSG",' in wkt[-24:] else 0
            return {
                "variable": variable, "epsg": epsg, "has_crs": bool(wkt),
                "geographic": text(file["x"].attrs["standard_name"]) == "longitude",
                "origin": [x0, y0], "pixel": [dx, -dy], "shape": list(product.shape),
                "dates": [str(EPOCH + datetime.timedelta(days=int(day))) for day in file["time"][:]],
                "bands": [text(name) for name in file["band_name"][:]],
                "step": float(product.attrs["scale_factor"][0]),
                "offset": float(product.attrs["add_offset"][0]) if "add_offset" in product.attrs else 0.0,
                "product": product[:],
                "uncertainty": file["uncertainty"][:] if "uncertainty" in file else None,
                "quality": file["quality"][:],
            }

    def physical(self, dn, offset=None):
        import numpy

        offset = self.offset if offset is None else offset
        return numpy.where(dn == FILL, numpy.nan, dn * self.step + offset)


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def equal_values(what, found, wanted, tolerance=None):
    """Arrays with NaN for no data."""
    import numpy

    found, wanted = numpy.asarray(found), numpy.asarray(wanted)
    same(f"shape of {what}", found.shape, wanted.shape)
    if tolerance is None:
        assert numpy.array_equal(found, wanted), f"{what}: {int((found != wanted).sum())} values differ"
    else:
        assert numpy.allclose(found, wanted, rtol=0, atol=tolerance, equal_nan=True), f"{what}: values differ"


def same_epsg(what, wkt, expected):
    """By GDAL when it is here, else by the code at the end of the text."""
    if not expected.epsg:
        return
    try:
        osr = module("osgeo.osr")
    except Absent:
        assert f'ID["EPSG",{expected.epsg}]' in wkt, f"{what} has no EPSG code: {wkt[-60:]}"
        return
    osr.UseExceptions()
    crs = osr.SpatialReference()
    crs.ImportFromWkt(wkt)
    same(what, crs.GetAuthorityCode(None), str(expected.epsg))


# ---- readers: each raises AssertionError when it finds something else -------------------------------------------------


def read_h5py(e):
    h5py = module("h5py")
    with h5py.File(e.cube) as file:
        order = []
        file.id.links.visit(order.append, idx_type=h5py.h5.INDEX_CRT_ORDER)
        same("order of objects", [text(name) for name in order[:6]], ["time", "band", "y", "x", "crs", e.variable])
        equal_values(e.variable, file[e.variable][:], e.product)
        equal_values("quality", file["quality"][:], e.quality)
        if e.uncertainty is not None:
            equal_values("uncertainty", file["uncertainty"][:], e.uncertainty)
        same("fill value", int(file[e.variable].fillvalue), FILL)
        same("fill value of the flags", int(file["quality"].fillvalue), 1)
        same("days", file["time"][:].tolist(), [float(day) for day in e.days])
        near("bounds", file["time_bnds"][:].T, [e.days, [day + 1 for day in e.days]])
        same("bands", [text(name) for name in file["band_name"][:]], e.bands)
        for axis, label in enumerate(("time", "band", "y", "x")):
            same("dimension", file[e.variable].dims[axis][0].name, "/" + label)
        for filters in (file[e.variable].compression, file["quality"].compression):
            assert filters in (None, "gzip"), f"filter {filters} needs a plugin"


def crc32c_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


def read_content_digest(e):
    """The digest, computed anew from the values alone (docs/cube-format.md)."""
    import hashlib
    import itertools

    import numpy

    h5py = module("h5py")
    if e.product.size > 2_000_000:
        raise Absent("the cube is too large for a checksum in plain Python")
    table, digest = crc32c_table(), hashlib.sha256()
    with h5py.File(e.cube) as file:
        for name in (e.variable, "uncertainty", "quality"):
            if name not in file:
                continue
            array = file[name]
            counts = [-(-size // step) for size, step in zip(array.shape, array.chunks)]
            for index in itertools.product(*map(range, counts)):
                chunk = numpy.full(array.chunks, array.fillvalue, array.dtype)
                start = [i * step for i, step in zip(index, array.chunks)]
                part = array[tuple(slice(s, s + step) for s, step in zip(start, array.chunks))]
                chunk[tuple(slice(0, size) for size in part.shape)] = part
                if (chunk == array.fillvalue).all():
                    continue
                crc = 0xFFFFFFFF
                for byte in chunk.tobytes():
                    crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
                place = " ".join(map(str, index))
                digest.update(f"{name} {place} {chunk.nbytes} {crc ^ 0xFFFFFFFF:08x}\n".encode())
        same("content digest", digest.hexdigest(), text(file.attrs["stfcube_content_digest"]))


def read_xarray(engine):
    def read(e):
        import numpy

        xarray = module("xarray")
        module(engine if engine == "h5netcdf" else "netCDF4")
        with warnings.catch_warnings(), contextlib.closing(xarray.open_dataset(e.cube, engine=engine)) as data:
            warnings.simplefilter("ignore")
            same("variables", [v for v in data.data_vars if v not in ("crs", "time_bnds", "wavelength")],
                 [v for v in (e.variable, "uncertainty", "quality") if v in data])
            product = data[e.variable]
            same("dimensions", product.dims, ("time", "band", "y", "x"))
            equal_values(e.variable, product.values, e.physical(e.product), 2e-5 * max(1, e.offset))
            if e.uncertainty is not None:
                equal_values("uncertainty", data["uncertainty"].values, e.physical(e.uncertainty, 0), 2e-5)
            same("type of the flags", data["quality"].dtype, numpy.dtype("u1"))
            equal_values("quality", data["quality"].values, e.quality)
            same("flag meanings", data["quality"].attrs["flag_meanings"], FLAG_MEANINGS)
            same("dates", [str(t)[:10] for t in data["time"].values], e.dates)
            near("x", data["x"].values, e.x)
            near("y", data["y"].values, e.y)
            assert {"band_name", "wavelength"} <= set(data.coords), "band labels are no coordinates"
            same("bands", [text(name) for name in data["band_name"].values], e.bands)
            if e.has_crs:
                same_epsg("crs_wkt", text(data["crs"].attrs["crs_wkt"]), e)
                same("spatial_ref", text(data["crs"].attrs["spatial_ref"]), text(data["crs"].attrs["crs_wkt"]))
        with contextlib.closing(xarray.open_dataset(e.cube, engine=engine, group="provenance")) as provenance:
            assert "job" in provenance and text(provenance["software"].item()).startswith("stfcube")

    return read


def read_h5netcdf(e):
    h5netcdf = module("h5netcdf")
    with h5netcdf.File(e.cube, "r") as file:
        same("dimensions", file.variables[e.variable].dimensions, ("time", "band", "y", "x"))
        equal_values(e.variable, file.variables[e.variable][...], e.product)


def read_netcdf4(e):
    import numpy

    netcdf = module("netCDF4")
    with netcdf.Dataset(e.cube) as file:
        same("dimensions in order", list(file.dimensions), ["time", "band", "y", "x", "nv"])
        same("variables in order", list(file.variables)[:6], ["time", "band", "y", "x", "crs", e.variable])
        found = file[e.variable][:]
        equal_values(e.variable, numpy.ma.filled(found.astype("f8"), numpy.nan), e.physical(e.product), 1e-9 + e.offset * 1e-6)
        same("type of the flags", file["quality"].dtype, numpy.dtype("u1"))
        equal_values("quality", numpy.ma.filled(file["quality"][:], 255), e.quality)
        time = file["time"]
        dates = netcdf.num2date(time[:], time.units, time.calendar)
        same("dates", [str(date)[:10] for date in dates], e.dates)
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copy(e.cube, folder)
        with netcdf.Dataset(copy, "a") as file:
            file.note = "appended"
        with netcdf.Dataset(copy) as file:
            same("appended attribute", file.note, "appended")


def read_command_line(e):
    header = run(program("ncdump"), "-hs", e.cube)
    assert f"short {e.variable}(time, band, y, x)" in header and "ubyte quality(time, y, x)" in header
    assert "stfcube" in header.split("_NCProperties")[1].splitlines()[0]
    first = [header.index(f" {name}(") for name in ("time", e.variable, "quality", "time_bnds")]
    same("order in ncdump", first, sorted(first))
    with tempfile.TemporaryDirectory() as folder:
        run(program("nccopy"), e.cube, f"{folder}/copy.nc")
        run(program("h5repack"), e.cube, f"{folder}/repacked.nc")
        run(program("h5dump"), "-d", "/quality", "-o", f"{folder}/quality.txt", e.cube)
    assert "Superblock" in run(program("h5stat"), e.cube)


def gdal_subdataset(e):
    return f'NETCDF:"{e.cube}":{e.variable}'


def read_gdal(e):
    import numpy

    gdal = module("osgeo.gdal")
    gdal.UseExceptions()
    gdal.PushErrorHandler("CPLQuietErrorHandler")
    try:
        names = [name for name, _ in gdal.Open(str(e.cube)).GetSubDatasets()]
        same("first sub-dataset", names[0].rsplit(":", 1)[1], e.variable)
        data = gdal.Open(gdal_subdataset(e))
        same("rasters", data.RasterCount, e.shape[0] * e.shape[1])
        near("geotransform", data.GetGeoTransform(), e.geotransform)
        if e.has_crs:
            same_epsg("CRS", data.GetSpatialRef().ExportToWkt(["FORMAT=WKT2"]), e)
        for number in (1, data.RasterCount):
            band = data.GetRasterBand(number)
            t, b = divmod(number - 1, e.shape[1])
            equal_values("raster", band.ReadAsArray(), e.product[t, b])
            same("no data", band.GetNoDataValue(), float(FILL))
            near("scale", band.GetScale(), e.step)
            near("offset", band.GetOffset() or 0.0, e.offset)
            same("day", float(band.GetMetadataItem("NETCDF_DIM_time")), float(e.days[t]))
        flags = gdal.Open(f'NETCDF:"{e.cube}":quality')
        same("type of the flags", flags.GetRasterBand(1).DataType, gdal.GDT_Byte)
        equal_values("quality", numpy.atleast_3d(flags.ReadAsArray()), numpy.atleast_3d(e.quality))
    finally:
        gdal.PopErrorHandler()


def read_gdal_multidimensional(e):
    gdal = module("osgeo.gdal")
    gdal.UseExceptions()
    root = gdal.OpenEx(str(e.cube), gdal.OF_MULTIDIM_RASTER).GetRootGroup()
    array = root.OpenMDArray(e.variable)
    same("dimensions", [d.GetName() for d in array.GetDimensions()], ["time", "band", "y", "x"])
    same("types of the axes", [d.GetType() for d in array.GetDimensions()][2:], ["HORIZONTAL_Y", "HORIZONTAL_X"])
    equal_values(e.variable, array.ReadAsArray(), e.product)
    same("no data", array.GetNoDataValueAsDouble(), float(FILL))
    near("scale", array.GetScale(), e.step)
    if e.has_crs:
        same_epsg("CRS", array.GetSpatialRef().ExportToWkt(["FORMAT=WKT2"]), e)


def read_gdal_translate(e):
    import numpy

    gdal = module("osgeo.gdal")
    gdal.UseExceptions()
    with tempfile.TemporaryDirectory() as folder:
        for driver, ending in (("COG", "tif"), ("PNG", "png")):
            if gdal.GetDriverByName(driver) is None:
                continue
            scale = ["-scale", 0, 10000, 0, 255, "-ot", "Byte"] if driver == "PNG" else []
            run(program("gdal_translate"), "-q", "-of", driver, "-b", 1, *scale, gdal_subdataset(e), f"{folder}/out.{ending}")
        picture = gdal.Open(f"{folder}/out.tif")
        near("geotransform of the COG", picture.GetGeoTransform(), e.geotransform)
        equal_values("values of the COG", picture.ReadAsArray(), numpy.asarray(e.product[0, 0]))
        if gdal.GetDriverByName("Zarr") is not None:
            run(program("gdalmdimtranslate"), "-q", "-of", "Zarr", "-array", e.variable, e.cube, f"{folder}/out.zarr")


def read_rasterio(e):
    rasterio = module("rasterio")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(f"netcdf:{e.cube}:{e.variable}") as data:
            near("transform", data.transform.to_gdal(), e.geotransform)
            if e.epsg:
                same("EPSG code", data.crs.to_epsg(), e.epsg)
            same("no data", data.nodata, float(FILL))
            near("scale", data.scales[0], e.step)
            equal_values("first raster", data.read(1), e.product[0, 0])
            equal_values("last raster", data.read(data.count), e.product[-1, -1])


READERS = {
    "h5py": read_h5py,
    "content digest": read_content_digest,
    "h5netcdf": read_h5netcdf,
    "xarray, engine h5netcdf": read_xarray("h5netcdf"),
    "xarray, engine netcdf4": read_xarray("netcdf4"),
    "netCDF4": read_netcdf4,
    "ncdump, nccopy, h5dump, h5repack, h5stat": read_command_line,
    "GDAL": read_gdal,
    "GDAL, multidimensional": read_gdal_multidimensional,
    "gdal_translate": read_gdal_translate,
    "rasterio": read_rasterio,
}


def main(arguments):
    if len(arguments) not in (1, 2):
        print(__doc__)
        return 2
    try:
        module("numpy")
        expected = Expected(pathlib.Path(arguments[0]).resolve(),
                            pathlib.Path(arguments[1]) if len(arguments) == 2 else None)
    except Absent as error:
        print(f"nothing to read with: {error}")
        return 77
    failed = 0
    for name, reader in READERS.items():
        try:
            reader(expected)
            print(f"ok       {name}")
        except Absent as reason:
            print(f"left out {name}: {reason}")
        except Exception as error:  # any reader may fail in any way; the others still have their turn
            failed += 1
            print(f"FAILED   {name}: {type(error).__name__}: {error}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
