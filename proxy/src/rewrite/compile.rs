//! Compiling rules. Cold: once per deployment.

use edgeplane_config::{CustomRule, Demand, RewriteSettings, RuleAction, RuleSource, RuleText, Site};

use super::{
    automaton::{BuildPatterns, Patterns},
    expression::Expression,
    find::{CustomRules, Stage},
    pattern::Pattern,
    substitute::{Template, query_as_sent},
};

/// Why rules could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileRules {
    /// A regular expression that could be read cannot be compiled.
    #[error("the expression of the rule at {place} cannot be compiled")]
    Expression {
        /// Where the rule stands.
        place: String,
        /// The engine's reason.
        source: Box<fancy_regex::Error>,
    },
    /// More or longer sources than an automaton can number its states for.
    #[error("the {count} rules are too large to compile")]
    TooLarge {
        /// How many rules there were.
        count: usize,
        /// The automaton library's reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A rule, compiled.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) action: RuleAction,
    pub(super) source: Source,
    pub(super) country: Option<String>,
    /// It leaves what image routes take alone.
    pub(super) spares_images: bool,
    pub(super) site: Option<Site>,
    pub(super) path: Template,
    pub(super) query: Option<Template>,
    /// Encoded.
    pub(super) fragment: Option<String>,
    /// The request's query goes on to the target.
    pub(super) keeps_query: bool,
    pub(super) text: RuleText,
    pub(super) shown: String,
}

/// What a rule takes.
#[derive(Debug)]
pub(super) enum Source {
    Path { pattern: Pattern, demands: Box<[(String, Wanted)]> },
    Host(String),
    Expression(Expression),
}

/// What a query parameter must be.
#[derive(Debug)]
pub(super) enum Wanted {
    /// There.
    Any,
    /// This, percent-encoding undone.
    Just(String),
    /// Something, which the target names.
    Named,
}

impl CustomRules {
    /// Compiles rules, in their order. None where there are no rules, so that nothing is paid for them.
    ///
    /// # Errors
    /// [`CompileRules`].
    pub fn compile(rules: &[CustomRule], settings: &RewriteSettings) -> Result<Option<Self>, CompileRules> {
        if rules.is_empty() {
            return Ok(None);
        }
        let compiled = rules.iter().map(|rule| compile(rule, settings)).collect::<Result<Box<[_]>, _>>()?;
        let stage = |last: bool| {
            Stage::of(&compiled, |rule| rule.action.is_last_resort() == last)
                .map_err(|source| CompileRules::TooLarge { count: rules.len(), source: Box::new(source) })
        };
        let reads_country = rules.iter().any(|rule| rule.country.is_some());
        Ok(Some(Self { first: stage(false)?, last: stage(true)?, reads_country, rules: compiled }))
    }
}

impl Stage {
    fn of(rules: &[Compiled], belongs: impl Fn(&Compiled) -> bool) -> Result<Self, BuildPatterns> {
        let (mut expressions, mut plain, mut others) = (Vec::new(), Vec::new(), Vec::new());
        for (index, rule) in rules.iter().enumerate().filter(|(_, rule)| belongs(rule)) {
            match &rule.source {
                Source::Path { pattern, .. } => {
                    expressions.push(pattern.expression());
                    plain.push(index);
                }
                Source::Host(_) | Source::Expression(_) => others.push(index),
            }
        }
        let patterns = (!plain.is_empty()).then(|| Patterns::compile(&expressions)).transpose()?;
        Ok(Self { patterns, plain: plain.into(), others: others.into() })
    }
}

fn compile(rule: &CustomRule, settings: &RewriteSettings) -> Result<Compiled, CompileRules> {
    let CustomRule { source, target, action, country, text } = rule;
    let mut known = Vec::new();
    let compiled = match source {
        RuleSource::Path { pieces, query } => {
            let pattern = Pattern::of(pieces);
            known.clone_from(&pattern.placeholders);
            known
                .extend(query.iter().filter_map(|demand| demand.name.clone()).map(edgeplane_config::Placeholder::Name));
            Source::Path { pattern, demands: query.iter().map(wanted).collect() }
        }
        RuleSource::Host(host) => Source::Host(host.clone()),
        RuleSource::Regex(expression) => Source::Expression(
            Expression::compile(expression, settings.regex_steps, settings.regex_path)
                .map_err(|source| CompileRules::Expression { place: text.place.clone(), source })?,
        ),
    };
    let asks_for_query = matches!(source, RuleSource::Path { query, .. } if !query.is_empty());
    let is_for_many = !source.is_one_path() && !matches!(source, RuleSource::Host(_));
    let leads_to_one_page = is_for_many && target.is_fixed() && target.site.is_none();
    Ok(Compiled {
        action: *action,
        source: compiled,
        country: country.clone(),
        spares_images: settings.spare_images && *action == RuleAction::Rewrite && leads_to_one_page,
        site: target.site.clone(),
        path: Template::path(&target.path, &known),
        query: target.query.as_deref().map(|pieces| Template::query(pieces, &known)),
        fragment: target.fragment.as_deref().map(query_as_sent),
        keeps_query: !asks_for_query,
        text: text.clone(),
        shown: rule.to_string(),
    })
}

fn wanted(demand: &Demand) -> (String, Wanted) {
    // As the query it is held against is read.
    let plain = |text: &str| {
        let form = url::form_urlencoded::parse(text.as_bytes());
        form.map(|(key, _)| key.into_owned()).next().unwrap_or_default()
    };
    let wanted = match (&demand.value, &demand.name) {
        (_, Some(_)) => Wanted::Named,
        (Some(value), None) => Wanted::Just(plain(value)),
        (None, None) => Wanted::Any,
    };
    (plain(&demand.key), wanted)
}
