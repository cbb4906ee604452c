use super::number;

#[test]
fn numbers_are_written_as_excel_shows_them() {
    let cases = [
        (1234.5, "General", "1234.5"),
        (0.1 + 0.2, "General", "0.3"),
        (1e20, "General", "1E20"),
        (1_234_567.891, "#,##0.00", "1,234,567.89"),
        (0.256, "0%", "26%"),
        (0.256, "0.0%", "25.6%"),
        (12.0, "0000", "0012"),
        (1.5, "0.0##", "1.5"),
        (2.0, "0.##", "2"),
        (-3.0, "#,##0;(#,##0)", "(3)"),
        (-3.0, "0.00", "-3.00"),
        (0.0, "0;-0;\"none\"", "none"),
        (12.5, "#,##0.00 \"€\"", "12.50 €"),
        (12.5, "[$€-407] #,##0.00", "€ 12.50"),
        (-12.5, "\"$\"#,##0.00", "-$12.50"),
        (12_500_000.0, "0.0,,\" M\"", "12.5 M"),
        (12345.0, "0.00E+00", "1.23E+04"),
        (7.0, "General\" pieces\"", "7 pieces"),
        (7.0, "[Red]0_);[Blue]\\-0", "7"),
        (7.0, "@", "7"),
        (7.0, "", "7"),
    ];
    for (value, format, expected) in cases {
        assert_eq!(number(value, format, false), expected, "{value} as {format}");
    }
}

#[test]
fn dates_and_times_are_written_as_excel_shows_them() {
    let cases = [
        (45_747.0, "yyyy-mm-dd", "2025-03-31"),
        (45_747.0, "dd.mm.yyyy", "31.03.2025"),
        (45_747.0, "d. mmmm yyyy", "31. March 2025"),
        (45_747.0, "ddd, mmm d, yy", "Mon, Mar 31, 25"),
        (45_747.75, "yyyy-mm-dd hh:mm:ss", "2025-03-31 18:00:00"),
        (0.5, "h:mm AM/PM", "12:00 PM"),
        (1.25, "[h]:mm", "30:00"),
        (0.000_694_444, "mm:ss", "01:00"),
        (1.0, "yyyy-mm-dd", "1900-01-01"),
        (61.0, "yyyy-mm-dd", "1900-03-01"),
        (44_285.0, "[$-409]d-mmm-yyyy;@", "30-Mar-2021"),
    ];
    for (value, format, expected) in cases {
        assert_eq!(number(value, format, false), expected, "{value} as {format}");
    }
    assert_eq!(number(44_285.0, "yyyy-mm-dd", true), "2025-03-31");
}

#[test]
fn odd_formats_end() {
    for format in [
        "\"",
        "[",
        "\\",
        "_",
        "*",
        ";;;",
        "E+",
        "[h",
        "0.E+",
        "m",
        "%%%0,,,,,,,",
        "é\"ü\"[$",
        "a/p",
    ] {
        for value in [0.0, -1.5, 1e300, f64::MIN_POSITIVE, 3_000_000.0] {
            let _ = number(value, format, false);
        }
    }
}
