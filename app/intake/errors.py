"""Why an upload is refused. Messages hold counts, positions and line numbers, never a cell of the data.

Where column names may be cells of a file without a header, columns are named by position.
"""

from __future__ import annotations

from app.errors import ServiceError


class IntakeError(ServiceError):
    """The root of every refusal of an upload."""

    code = "unreadable_table"
    status = 422
    title = "The file cannot be read as a table"


class InvalidReadOptionError(IntakeError):
    """The caller declares an encoding, a delimiter or another way to read that is not among the known ones."""

    code = "invalid_read_option"
    title = "The reading option is not valid"


class EmptyFileError(IntakeError):
    """Not one byte, or nothing but blank lines."""

    code = "empty_file"
    title = "The file is empty"


class NoRecordsError(IntakeError):
    """Column names, but no records under them."""

    code = "no_records"
    title = "The table has no records"


class TooFewRecordsError(IntakeError):
    """Fewer records than can be split, learnt and attacked."""

    code = "too_few_records"
    title = "The table has too few records"


class TooManyRecordsError(IntakeError):
    """More records than are accepted."""

    code = "too_many_records"
    status = 413
    title = "The table has too many records"


class TooFewColumnsError(IntakeError):
    """A single column, which is usually a delimiter that was not recognised."""

    code = "too_few_columns"
    title = "The table has too few columns"


class TooManyColumnsError(IntakeError):
    """More columns than are accepted."""

    code = "too_many_columns"
    title = "The table has too many columns"


class NoHeaderError(IntakeError):
    """The first line holds numbers where column names belong."""

    code = "no_header"
    title = "The table has no column names"


class HeaderRowsError(IntakeError):
    """Lines below the first that may be column names or records, or fewer lines than are said to hold names."""

    code = "header_rows"
    title = "It is not plain which lines hold the column names"


class ReadersDisagreeError(IntakeError):
    """Two readers count other records in the same lines."""

    code = "readers_disagree"
    title = "Two readers read the file differently"


class DuplicateColumnsError(IntakeError):
    """Two columns of one name."""

    code = "duplicate_columns"
    title = "Column names are repeated"


class InvalidColumnNameError(IntakeError):
    """A column name that is empty, too long or holds control characters other than line ends and tabs."""

    code = "invalid_column_name"
    title = "A column name is not valid"


class RaggedRowsError(IntakeError):
    """A record with more or fewer fields than there are column names."""

    code = "ragged_rows"
    title = "A record has the wrong number of fields"


class BadQuotingError(IntakeError):
    """A quoted field that is not closed, or goes on after its closing quote."""

    code = "bad_quoting"
    title = "A quoted field is broken"


class LineTooLongError(IntakeError):
    """A line, a record or a field beyond what is accepted."""

    code = "line_too_long"
    status = 413
    title = "A line is too long"


class NotTextError(IntakeError):
    """Bytes that no text table holds."""

    code = "not_text"
    status = 415
    title = "The file is neither text nor another known format"


class UnsupportedEncodingError(IntakeError):
    """Text that is not in the encoding that was expected or declared."""

    code = "unsupported_encoding"
    status = 415
    title = "The text encoding is not the expected one"


class NotParquetError(IntakeError):
    """Called Parquet, or beginning like it, but unreadable as such."""

    code = "not_parquet"
    title = "The file is not readable Parquet"


class NotArrowError(IntakeError):
    """Called Feather or Arrow, or beginning like it, but unreadable as such."""

    code = "not_arrow"
    title = "The file is not readable Feather or Arrow"


class NotJsonError(IntakeError):
    """Called JSON, or beginning like it, but no list of flat objects."""

    code = "not_json"
    title = "The file is not a JSON table"


class NotSpreadsheetError(IntakeError):
    """Called a spreadsheet, or beginning like it, but unreadable as one, or without the sheet that was asked for."""

    code = "not_spreadsheet"
    title = "The file is not a readable spreadsheet"


class NoTableError(IntakeError):
    """A document, a picture, an archive or a database, whatever its name says."""

    code = "no_table"
    title = "The file is not a table"


class UnsupportedTypeError(IntakeError):
    """A column of a type that a flat table of people does not have."""

    code = "unsupported_type"
    title = "A column has an unsupported type"


class OutOfRangeError(IntakeError):
    """Integers beyond 64 bits, or dates outside the years 1 to 9999."""

    code = "out_of_range"
    title = "A column has values out of range"


class NotFiniteError(IntakeError):
    """A column with infinite numbers."""

    code = "not_finite"
    title = "A column has infinite numbers"


class TooLargeError(IntakeError):
    """More bytes than are accepted, before or after decompression."""

    code = "too_large"
    status = 413
    title = "The file is too large"


class TooMuchMemoryError(IntakeError):
    """The table does not fit the memory that reading one may take."""

    code = "too_much_memory"
    status = 413
    title = "Reading the file takes too much memory"


class TruncatedFileError(IntakeError):
    """The compressed data ends before its end."""

    code = "truncated_file"
    status = 400
    title = "The file is cut off"


class BrokenArchiveError(IntakeError):
    """A gzip or zip file that does not decompress to what it declares."""

    code = "broken_archive"
    status = 400
    title = "The archive is broken"


class UnsafeArchiveError(IntakeError):
    """An archive of other than one plain file: several, a path, a link, an archive within."""

    code = "unsafe_archive"
    title = "The archive is not one plain file"


class UnsupportedArchiveError(IntakeError):
    """An archive of a kind that is not read."""

    code = "unsupported_archive"
    status = 415
    title = "The kind of archive is not supported"


class IntakeTimeoutError(IntakeError):
    """Reading took longer than it may."""

    code = "intake_timeout"
    status = 413
    title = "Reading the file takes too long"


class IntakeCancelledError(IntakeError):
    """The caller asked for reading to stop."""

    code = "intake_cancelled"
    status = 409
    title = "Reading the file was cancelled"


class IntakeFailedError(IntakeError):
    """Reading failed for a reason that is not the file's: a full disk, a lost process, a defect."""

    code = "intake_failed"
    status = 500
    title = "The file could not be read because of a fault of the service"
