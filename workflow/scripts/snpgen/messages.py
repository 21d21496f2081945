"""Error messages about the input. Each has a stable code, the place, the fault and the remedy."""

from enum import StrEnum
from pathlib import Path
from typing import Self


class Code(StrEnum):
    """Codes of faults. The code is printed with the message and is a heading of the FAQ.

    The letter names the input: C configuration, F any file, T text tables, G genotypes, S external summary
    statistics, P scoring files, X external cohorts, K kinship and cohort size, A association and panel, M
    model, D disk and machine. The meaning of a published code does not change.
    """

    heading: str

    def __new__(cls, value: str, heading: str) -> Self:
        code = str.__new__(cls, value)
        code._value_ = value
        code.heading = heading
        return code

    INVALID_YAML = "C01", "The configuration file is not valid YAML"
    DUPLICATE_KEY = "C02", "A key occurs twice in the configuration"
    INVALID_SETTING = "C03", "A setting has a value that is not allowed"
    UNKNOWN_KEY = "C04", "The configuration has an unknown key"
    CONFLICTING_SETTINGS = "C05", "Settings contradict each other"
    INVALID_EXPRESSION = "C06", "The expression in 'include' cannot be used"

    UNREADABLE_FILE = "F01", "A file does not exist or cannot be read"
    EMPTY_FILE = "F02", "A file is empty or has no rows"
    COMPRESSED_FILE = "F03", "A compressed file or workbook is given instead of plain text"
    NOT_UTF8 = "F04", "A file is not UTF-8 text"
    DAMAGED_FILE = "F05", "A file is damaged"
    OUTDATED_RESULT = "F06", "An earlier result does not match the current input"

    MALFORMED_TABLE = "T01", "A table has an invalid header or line"
    MISSING_COLUMN = "T02", "A table lacks a column"
    DUPLICATE_COLUMN = "T03", "Two columns have the same name"
    DUPLICATE_ID = "T04", "A sample occurs twice in a table"
    NO_MATCHING_SAMPLE = "T05", "Sample IDs do not match those of the genotypes"
    INVALID_VALUE = "T06", "A value in a table is not allowed"
    PHENOTYPE_CODING = "T07", "The phenotype does not fit its declared coding"
    NO_VALUES = "T08", "A column has no values for the included individuals"
    UNKNOWN_VARIANT = "T09", "Variant IDs do not match those of the genotypes"

    NOT_PLINK = "G01", "The genotypes are not a supported PLINK fileset"
    SAMPLE_MAJOR = "G02", "The .bed is in sample-major format"
    FILESET_MISMATCH = "G03", "The files of a fileset do not belong together, or one is truncated"
    MALFORMED_FILESET = "G04", "A .fam, .bim, .psam or .pvar has an invalid header or line"
    DUPLICATE_SAMPLE = "G05", "A sample occurs twice in a fileset"
    DIFFERENT_SAMPLES = "G06", "The chromosomes have different samples"
    MISSING_CHROMOSOME = "G07", "A chromosome has no variants"
    INVALID_VARIANT = "G08", "A variant has an invalid position or invalid alleles"
    GENOTYPE_BUILD = "G09", "The genotypes are on another genome build"
    LOW_CALL_RATE = "G10", "No individual reaches the minimum call rate"

    SUMSTATS_FORMAT = "S01", "The format of the summary statistics is unknown"
    SUMSTATS_ALLELES = "S02", "Effect allele and other allele are interchanged"
    SUMSTATS_OVERLAP = "S03", "The summary statistics hold too few variants of the cohort"
    SUMSTATS_SCALE = "S04", "Effects or p-values are not on the scale that the column name implies"
    SUMSTATS_BUILD = "S05", "The summary statistics are on another genome build"

    SCORE_BUILD = "P01", "A scoring file is on another genome build"
    DUPLICATE_SCORE = "P02", "Two scoring files have the same name"
    SCORE_SCALE = "P03", "The weights of a scoring file are odds ratios"
    SCORE_OVERLAP = "P04", "A scoring file holds no variant of the cohort"

    EXTERNAL_PHENOTYPE = "X01", "The phenotype of an external cohort is not coded 1/2"
    EXTERNAL_OVERLAP = "X02", "An external cohort shares too few variants with the cohort"

    TOO_MANY_SAMPLES = "K01", "The cohort is too large to compute kinship"
    KINSHIP_SCALE = "K02", "Kinship coefficients are on another scale"
    TOO_FEW_SAMPLES = "K03", "Too few individuals are left"
    EMPTY_SPLIT = "K04", "The training, validation or test set is empty"

    COLLINEAR_COVARIATE = "A01", "A covariate is constant or collinear"
    SEPARATING_COVARIATE = "A02", "A covariate separates cases from controls"
    TOO_MANY_COVARIATES = "A03", "There are more covariates than the individuals allow"
    LOCO_CHROMOSOMES = "A05", "LOCO needs variants on two chromosomes"
    EMPTY_PANEL = "A06", "No variant is left for the panel"
    PANEL_LISTS = "A07", "'panel.include' conflicts with 'panel.exclude' or 'panel.size'"
    PANEL_TOO_LARGE = "A08", "The panel is too large for the limit on membership inference"

    DIVERGED = "M01", "The training diverged"

    DISK_FULL = "D01", "The disk or the quota is full"
    NOT_WRITABLE = "D02", "A file or folder cannot be written"
    STOPPED = "D03", "The job was stopped by a signal"


def format_message(code: Code, place: str, what: str, remedy: str) -> str:
    """Compose `[T03] place: what. remedy.`; an empty place or remedy is omitted."""
    fault = f"{place}: {what}" if place else what
    return " ".join([f"[{code}]", *(part.rstrip(". ") + "." for part in (fault, remedy) if part)])


class InputError(Exception):
    """Error about faulty input: its code, place, fault and remedy.

    `what` and `remedy` are sentences; a full stop is added to each. `file`, `line` (the first is 1) and `key`
    (a configuration key, such as split.train) begin the message. `sample` (an IID) and `variant` (an ID) are
    not part of the message unless `what` contains them.
    """

    def __init__(
        self,
        code: Code,
        what: str,
        remedy: str,
        *,
        file: str | Path | None = None,
        line: int | None = None,
        sample: str | None = None,
        variant: str | None = None,
        key: str | None = None,
    ) -> None:
        super().__init__(code, what, remedy)  # so that the error can be pickled
        self.code, self.what, self.remedy = code, what, remedy
        self.file = None if file is None else str(file)
        self.line = None if line is None else int(line)
        self.sample, self.variant, self.key = sample, variant, key

    def __str__(self) -> str:
        line = None if self.line is None else f"line {self.line}"
        place = ", ".join(part for part in (self.file, line, self.key) if part)
        return format_message(self.code, place, self.what, self.remedy)
