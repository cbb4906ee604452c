//! What a query may consist of.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, DataType, Expr, Function, FunctionArgumentClause, FunctionArguments, GroupByExpr, Ident,
    LimitClause, ObjectName, ObjectNamePart, Query, Select, SelectFlavor, SetExpr, Statement, TableFactor,
    UnaryOperator, Value, ValueWithSpan, Visit as _, Visitor,
};

use crate::{Dialect, Policy, Refusal, TableRule, functions, scope::Scope};

/// Most tables that a query names: each may become a subquery with a condition.
const MAX_NAMED: usize = 100;

/// Returns the names of the tables that a query reads, or why it may not.
pub(crate) fn check(query: &Query, policy: &Policy) -> Result<Vec<String>, Refusal> {
    let mut checker = Checker {
        policy,
        scope: Scope::default(),
        read: Vec::new(),
        named: 0,
    };
    match query.visit(&mut checker) {
        ControlFlow::Break(refusal) => Err(refusal),
        ControlFlow::Continue(()) => Ok(checker.read),
    }
}

/// Names are compared without case: a name that differs only in case is taken for the same one, never for another.
fn is_same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// What a name in a `FROM` clause stands for.
pub(crate) enum Named<'a> {
    /// A common table expression, or `MySQL`'s table without columns.
    Cte,
    Table(&'a TableRule),
}

/// Returns what a name stands for; `None` if it may not be read.
pub(crate) fn named<'a>(name: &ObjectName, policy: &'a Policy, scope: &Scope) -> Option<Named<'a>> {
    let mut parts = Vec::with_capacity(2);
    for part in &name.0 {
        let ObjectNamePart::Identifier(ident) = part else {
            return None;
        };
        // A string is not a name, although some databases read files by it.
        if ident.quote_style == Some('\'') {
            return None;
        }
        // Quotation marks inside of a name stay doubled, as the parser leaves them.
        parts.push(match ident.quote_style {
            Some('"') => ident.value.replace("\"\"", "\""),
            _ => ident.value.clone(),
        });
    }
    let (schema, table) = match parts.as_slice() {
        [table] => (None, table.as_str()),
        [schema, table] => (Some(schema.as_str()), table.as_str()),
        _ => return None,
    };
    let is_dual = policy.dialect == Dialect::Mysql && is_same(table, "dual");
    if schema.is_none() && (is_dual || scope.has(table)) {
        return Some(Named::Cte);
    }
    let named: Vec<&TableRule> = (policy.tables.iter())
        .filter(|rule| {
            let is_in = schema.is_none_or(|schema| rule.schema.as_deref().is_some_and(|own| is_same(own, schema)));
            is_in && is_same(&rule.name, table)
        })
        .collect();
    // Of tables whose names differ in case only, the one that is spelled like this.
    let exact = named.iter().find(|rule| rule.name == table);
    exact.or(named.first()).copied().map(Named::Table)
}

struct Checker<'a> {
    policy: &'a Policy,
    scope: Scope,
    read: Vec<String>,
    /// How often tables are named.
    named: usize,
}

fn refuse(refusal: Refusal) -> ControlFlow<Refusal> {
    ControlFlow::Break(refusal)
}

fn allow_if(is_allowed: bool, what: &str) -> ControlFlow<Refusal> {
    if is_allowed {
        ControlFlow::Continue(())
    } else {
        refuse(Refusal::NotAllowed(what.to_owned()))
    }
}

impl Visitor for Checker<'_> {
    type Break = Refusal;

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<Refusal> {
        // A statement inside of a query changes data.
        refuse(Refusal::NotAQuery(crate::first_word(statement)))
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<Refusal> {
        self.scope.leave();
        ControlFlow::Continue(())
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Refusal> {
        self.scope.enter(query);
        allow_if(query.locks.is_empty(), "FOR UPDATE")?;
        allow_if(query.for_clause.is_none(), "FOR")?;
        allow_if(query.settings.is_none(), "SETTINGS")?;
        allow_if(query.format_clause.is_none(), "FORMAT")?;
        allow_if(query.pipe_operators.is_empty(), "|>")?;
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            allow_if(cte.from.is_none(), "FROM behind WITH")?;
            let name = &cte.alias.name.value;
            if self.policy.tables.iter().any(|table| is_same(&table.name, name)) {
                return refuse(Refusal::Shadowed(name.clone()));
            }
        }
        if let Some(LimitClause::LimitOffset { limit_by, .. }) = &query.limit_clause {
            allow_if(limit_by.is_empty(), "LIMIT BY")?;
        }
        Self::check_body(&query.body)
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Refusal> {
        allow_if(select.into.is_none(), "INTO")?;
        allow_if(select.optimizer_hints.is_empty(), "optimizer hints")?;
        allow_if(select.select_modifiers.is_none(), "modifiers of SELECT")?;
        allow_if(select.top.is_none(), "TOP")?;
        allow_if(select.lateral_views.is_empty(), "LATERAL VIEW")?;
        allow_if(select.prewhere.is_none(), "PREWHERE")?;
        allow_if(select.connect_by.is_empty(), "CONNECT BY")?;
        let is_plain = select.cluster_by.is_empty() && select.distribute_by.is_empty() && select.sort_by.is_empty();
        allow_if(is_plain, "CLUSTER BY")?;
        allow_if(select.value_table_mode.is_none(), "AS STRUCT")?;
        let is_duck = self.policy.dialect == Dialect::DuckDb;
        allow_if(select.qualify.is_none() || is_duck, "QUALIFY")?;
        allow_if(select.exclude.is_none() || is_duck, "EXCLUDE")?;
        allow_if(select.flavor == SelectFlavor::Standard, "FROM before SELECT")
    }

    fn pre_visit_group_by(&mut self, group_by: &GroupByExpr) -> ControlFlow<Refusal> {
        match group_by {
            GroupByExpr::Expressions(_, modifiers) | GroupByExpr::All(modifiers) => {
                allow_if(modifiers.is_empty(), "modifiers of GROUP BY")
            }
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Refusal> {
        match factor {
            TableFactor::Table {
                name,
                alias: _,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
            } => {
                if args.is_some() {
                    return self.check_table_function(name);
                }
                let is_plain = with_hints.is_empty()
                    && version.is_none()
                    && !with_ordinality
                    && partitions.is_empty()
                    && json_path.is_none()
                    && sample.is_none()
                    && index_hints.is_empty();
                allow_if(is_plain, "hints of a table")?;
                match named(name, self.policy, &self.scope) {
                    None => refuse(Refusal::Table(name.to_string())),
                    Some(Named::Cte) => ControlFlow::Continue(()),
                    Some(Named::Table(rule)) => {
                        self.named += 1;
                        if self.named > MAX_NAMED {
                            return refuse(Refusal::TooMany);
                        }
                        if !self.read.contains(&rule.name) {
                            self.read.push(rule.name.clone());
                        }
                        ControlFlow::Continue(())
                    }
                }
            }
            TableFactor::Derived { sample, .. } => allow_if(sample.is_none(), "TABLESAMPLE"),
            TableFactor::Function { name, .. } => self.check_table_function(name),
            TableFactor::UNNEST { .. } => allow_if(self.policy.dialect != Dialect::Sqlite, "UNNEST"),
            TableFactor::NestedJoin { .. } => ControlFlow::Continue(()),
            other => refuse(Refusal::NotAllowed(other.to_string())),
        }
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Refusal> {
        match expr {
            Expr::Function(function) => self.check_function(function),
            Expr::BinaryOp { op, .. } => allow_if(is_operator(op), &op.to_string()),
            Expr::AnyOp { compare_op, .. } | Expr::AllOp { compare_op, .. } => {
                allow_if(is_operator(compare_op), &compare_op.to_string())
            }
            Expr::UnaryOp { op, .. } => {
                let is_known = matches!(
                    op,
                    UnaryOperator::Plus | UnaryOperator::Minus | UnaryOperator::Not | UnaryOperator::BitwiseNot
                );
                allow_if(is_known, &op.to_string())
            }
            Expr::Cast { data_type, format, .. } => {
                allow_if(format.is_none(), "FORMAT")?;
                allow_if(is_type(data_type), &data_type.to_string())
            }
            Expr::Convert { data_type, .. } => {
                let is_known = data_type.as_ref().is_none_or(is_type);
                allow_if(is_known && self.policy.dialect == Dialect::Mysql, "CONVERT")
            }
            Expr::TypedString(typed) => allow_if(is_type(&typed.data_type), &typed.data_type.to_string()),
            Expr::Identifier(name) => Self::check_name(name),
            Expr::CompoundIdentifier(names) => {
                let mut names = names.iter();
                names.try_for_each(Self::check_name)
            }
            Expr::JsonAccess { .. }
            | Expr::CompoundFieldAccess { .. }
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_)
            | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..)
            | Expr::InList { .. }
            | Expr::InSubquery { .. }
            | Expr::InUnnest { .. }
            | Expr::Between { .. }
            | Expr::Like { .. }
            | Expr::ILike { .. }
            | Expr::SimilarTo { .. }
            | Expr::RLike { .. }
            | Expr::AtTimeZone { .. }
            | Expr::Extract { .. }
            | Expr::Ceil { .. }
            | Expr::Floor { .. }
            | Expr::Position { .. }
            | Expr::Substring { .. }
            | Expr::Trim { .. }
            | Expr::Overlay { .. }
            | Expr::Collate { .. }
            | Expr::Nested(_)
            | Expr::Value(_)
            | Expr::Case { .. }
            | Expr::Exists { .. }
            | Expr::Subquery(_)
            | Expr::GroupingSets(_)
            | Expr::Cube(_)
            | Expr::Rollup(_)
            | Expr::Tuple(_)
            | Expr::Array(_)
            | Expr::Interval(_)
            | Expr::Wildcard(_)
            | Expr::QualifiedWildcard(..) => ControlFlow::Continue(()),
            other => refuse(Refusal::NotAllowed(other.to_string())),
        }
    }

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<Refusal> {
        // Nobody would fill a placeholder, and a variable is not data.
        let is_literal = !matches!(value.value, Value::Placeholder(_));
        allow_if(is_literal, &value.to_string())
    }
}

impl Checker<'_> {
    fn check_body(body: &SetExpr) -> ControlFlow<Refusal> {
        match body {
            SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) => ControlFlow::Continue(()),
            SetExpr::SetOperation { left, right, .. } => {
                Self::check_body(left)?;
                Self::check_body(right)
            }
            SetExpr::Table(table) => refuse(Refusal::NotAllowed(table.to_string())),
            SetExpr::Insert(changes)
            | SetExpr::Update(changes)
            | SetExpr::Delete(changes)
            | SetExpr::Merge(changes) => refuse(Refusal::NotAQuery(crate::first_word(changes))),
        }
    }

    /// A variable of a session is written like a name.
    fn check_name(name: &Ident) -> ControlFlow<Refusal> {
        let is_variable = name.quote_style.is_none() && name.value.starts_with('@');
        allow_if(!is_variable, &name.value)
    }

    fn check_function(&self, function: &Function) -> ControlFlow<Refusal> {
        let name = functions::plain_name(&function.name);
        let is_known = name.is_some_and(|name| functions::is_allowed(name, self.policy.dialect));
        if !is_known {
            return refuse(Refusal::Function(function.name.to_string()));
        }
        allow_if(!function.uses_odbc_syntax, "{fn}")?;
        allow_if(
            function.parameters == FunctionArguments::None,
            "parameters of a function",
        )?;
        let FunctionArguments::List(arguments) = &function.args else {
            return allow_if(function.args == FunctionArguments::None, "a query as an argument");
        };
        for clause in &arguments.clauses {
            let is_known = matches!(
                clause,
                FunctionArgumentClause::OrderBy(_)
                    | FunctionArgumentClause::IgnoreOrRespectNulls(_)
                    | FunctionArgumentClause::Separator(_)
            );
            allow_if(is_known, &clause.to_string())?;
        }
        ControlFlow::Continue(())
    }

    fn check_table_function(&self, name: &ObjectName) -> ControlFlow<Refusal> {
        let plain = functions::plain_name(name);
        if plain.is_some_and(|name| functions::is_allowed_table(name, self.policy.dialect)) {
            ControlFlow::Continue(())
        } else {
            refuse(Refusal::Function(name.to_string()))
        }
    }
}

/// Operators that only compute. Those of extensions may do anything.
fn is_operator(op: &BinaryOperator) -> bool {
    use BinaryOperator as Op;
    !matches!(
        op,
        Op::Custom(_) | Op::PGCustomBinaryOperator(_) | Op::Assignment | Op::Match
    )
}

/// Types of data: no names of database objects, and none that people define.
fn is_type(data_type: &DataType) -> bool {
    match data_type {
        DataType::Array(of) => matches!(
            of,
            sqlparser::ast::ArrayElemTypeDef::SquareBracket(of, _) | sqlparser::ast::ArrayElemTypeDef::Parenthesis(of)
                if is_type(of)
        ),
        DataType::Regclass
        | DataType::Custom(..)
        | DataType::Table(_)
        | DataType::NamedTable { .. }
        | DataType::Trigger
        | DataType::AnyType
        | DataType::Unspecified
        | DataType::Nested(_)
        | DataType::Struct(..)
        | DataType::Union(_)
        | DataType::Map(..)
        | DataType::Tuple(_)
        | DataType::Nullable(_)
        | DataType::LowCardinality(_) => false,
        _ => true,
    }
}
