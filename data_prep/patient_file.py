"""A file for h5py that does not fail while HDF5 is at work."""

from io import FileIO


class PatientFile(FileIO):
    """A new file whose first error is kept in `error`, and nothing is written then.

    HDF5 crashes the process where it can't write (1.14, disk full): it is to find all
    well, and the error to be raised once its file is closed.
    """

    error: OSError | None = None

    def __init__(self, path):
        super().__init__(path, "w+")

    def write(self, data) -> int:
        """Write all of the data, or keep the error."""
        rest = memoryview(data).cast("B")
        try:
            while rest and not self.error:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.error = error
        return len(data)
