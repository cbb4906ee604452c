//! Functions that a query may call: they compute from their arguments alone, and their results are not much larger.

use sqlparser::ast::{ObjectName, ObjectNamePart};

use crate::Dialect;

/// Aggregates, windows and functions that all four languages have.
const COMMON: &str = "abs acos asin atan atan2 avg cast ceil ceiling coalesce concat concat_ws cos cot count cume_dist \
    current_date current_time current_timestamp degrees dense_rank exp first_value floor lag last_value lead left length \
    ln log log10 log2 lower lpad ltrim max min mod nth_value ntile nullif percent_rank pi position pow power radians \
    rank replace right round row_number rpad rtrim sign sin sqrt stddev stddev_pop stddev_samp substr substring sum tan \
    trim trunc truncate upper var_pop var_samp variance";
const SQLITE: &str = "acosh asinh atanh char cosh date datetime glob group_concat ifnull iif \
    instr json_array_length json_extract json_group_array json_group_object json_type json_valid julianday like likely \
    median mod octet_length percentile quote sinh soundex strftime string_agg tanh time timediff total \
    typeof unicode unixepoch unlikely";
const POSTGRES: &str = "age any_value array_agg array_length array_position array_to_string ascii bit_and bit_or bool_and \
    bool_or btrim cardinality cbrt char_length character_length chr corr covar_pop covar_samp date_bin date_part \
    date_trunc div every extract factorial gcd greatest grouping initcap isfinite json_agg json_array_length \
    json_build_array json_build_object json_extract_path_text json_object_agg json_typeof jsonb_agg jsonb_array_length \
    jsonb_build_object jsonb_extract_path_text jsonb_object_agg jsonb_typeof justify_days justify_hours lcm least \
    localtime localtimestamp make_date make_interval make_time make_timestamp md5 mode now nullif octet_length \
    percentile_cont percentile_disc regexp_count regexp_like regexp_match regexp_replace regexp_substr regr_avgx \
    regr_avgy regr_count regr_intercept regr_r2 regr_slope reverse scale split_part starts_with string_agg \
    string_to_array strpos timezone to_char to_date to_number to_timestamp translate width_bucket date time \
    array_remove array_append unnest generate_series";
const MYSQL: &str = "adddate addtime any_value ascii bit_and bit_or bit_length char_length character_length crc32 curdate \
    curtime date date_add date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear elt field \
    find_in_set format from_days from_unixtime greatest group_concat hex hour if ifnull insert instr json_arrayagg \
    json_extract json_length json_objectagg json_unquote last_day least localtime localtimestamp locate makedate md5 \
    microsecond mid minute month monthname now octet_length period_add period_diff quarter regexp_instr regexp_like \
    regexp_replace regexp_substr reverse sec_to_time second std str_to_date strcmp subdate substring_index subtime sysdate \
    time time_format time_to_sec timediff timestamp timestampadd timestampdiff to_days unix_timestamp utc_date utc_time \
    utc_timestamp week weekday weekofyear year yearweek";
const DUCKDB: &str = "age any_value approx_count_distinct arg_max arg_min array_agg bool_and bool_or century corr date_diff \
    date_part date_sub date_trunc datediff datepart day dayname dayofweek dayofyear epoch extract greatest grouping hour \
    ifnull instr json_extract json_extract_string last_day least list make_date make_timestamp median minute mode month \
    monthname now quantile_cont quantile_disc quarter regexp_extract regexp_matches regexp_replace second split_part \
    starts_with strftime string_agg string_split strlen strptime strpos to_days to_months to_years today week weekday year";

/// Functions that may stand in a `FROM` clause.
const TABLES_SQLITE: &str = "json_each json_tree";
const TABLES_POSTGRES: &str = "generate_series jsonb_array_elements jsonb_array_elements_text jsonb_each jsonb_each_text \
    json_array_elements json_array_elements_text json_each json_each_text regexp_split_to_table string_to_table unnest";
const TABLES_DUCKDB: &str = "generate_series range unnest";

fn contains(list: &str, name: &str) -> bool {
    list.split_ascii_whitespace().any(|known| known == name)
}

/// Returns the name of a function in lower case if it is a plain one: a quoted or qualified name may be another
/// function.
pub(crate) fn plain_name(name: &ObjectName) -> Option<&str> {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(ident)] if ident.quote_style.is_none() => Some(&ident.value),
        _ => None,
    }
}

/// Returns whether a query may call this function.
pub(crate) fn is_allowed(name: &str, dialect: Dialect) -> bool {
    let name = name.to_ascii_lowercase();
    let own = match dialect {
        Dialect::Sqlite => SQLITE,
        Dialect::Postgres => POSTGRES,
        Dialect::Mysql => MYSQL,
        Dialect::DuckDb => DUCKDB,
    };
    contains(COMMON, &name) || contains(own, &name)
}

/// Returns whether this function may stand in a `FROM` clause.
pub(crate) fn is_allowed_table(name: &str, dialect: Dialect) -> bool {
    let name = name.to_ascii_lowercase();
    match dialect {
        Dialect::Sqlite => contains(TABLES_SQLITE, &name),
        Dialect::Postgres => contains(TABLES_POSTGRES, &name),
        Dialect::Mysql => false,
        Dialect::DuckDb => contains(TABLES_DUCKDB, &name),
    }
}
