//! Orders to models, by what they want. A pattern is a row of word lists: one word of each in this order within a
//! sentence, with at most so many others between two. A word that ends with `*` stands for all that begin so.

use super::phrases::{Pattern, pattern};

pub(super) const OVERRIDE: &str = "order.override";
const CONCEAL: &str = "order.conceal";
const SEQUENCE: &str = "order.sequence";
const PERSONA: &str = "order.persona";
const EXFILTRATE: &str = "order.exfiltrate";
const REDIRECT: &str = "order.redirect";
const COERCE: &str = "order.coerce";
const CONSENT: &str = "order.consent";

const ANYWHERE: usize = 1_000;
const NOT: &str = "dont not never without avoid refrain";
const PERSON: &str =
    "user users human humans operator person people anyone anybody them customer developer nobody owner";
const RULES: &str = "instruction* prompt prompts rule rules guideline* direction* directive* policy policies guardrail* \
                     constraint* restriction* training safeguard* orders";
const SECRET: &str = "password* credential* secret secrets token tokens cookie cookies passphrase* key keys history \
                      conversation* transcript* memory environment env apikey* chat prompt seed wallet session";
const SEND: &str = "include pass put attach append add place embed insert copy paste send forward post upload write leak \
                    transmit exfiltrate email submit encode supply provide";
const CALL: &str = "call use invoke run execute trigger query consult";

pub(super) const PATTERNS: &[Pattern] = &[
    pattern(
        OVERRIDE,
        &[
            (
                ANYWHERE,
                "ignore disregard forget override bypass discard neglect drop supersede* overrule skip violate circumvent",
            ),
            (
                3,
                "previous prior above earlier preceding all any other existing safety your system these those original initial former everything security",
            ),
            (3, RULES),
        ],
    ),
    pattern(
        OVERRIDE,
        &[
            (ANYWHERE, "ignore disregard forget"),
            (2, "everything anything all what"),
            (4, "above before told said previously earlier prior"),
        ],
    ),
    pattern(
        OVERRIDE,
        &[
            (ANYWHERE, RULES),
            (5, "no longer cease obsolete void superseded replaced"),
            (4, "apply valid binding relevant hold by"),
        ],
    ),
    pattern(
        OVERRIDE,
        &[
            (ANYWHERE, "new updated revised real true actual following"),
            (0, "instruction* orders directive*"),
            (0, "are is below follow from"),
        ],
    ),
    pattern(OVERRIDE, &[(ANYWHERE, "takes take has have"), (1, "precedence priority"), (1, "over"), (4, RULES)]),
    pattern(
        OVERRIDE,
        &[
            (ANYWHERE, "ignoriere ignorieren vergiss missachte"),
            (3, "vorherigen bisherigen obigen frueheren früheren alle"),
            (3, "anweisungen regeln instruktionen vorgaben"),
        ],
    ),
    pattern(
        OVERRIDE,
        &[
            (ANYWHERE, "ignore ignorez oublie oubliez"),
            (3, "instructions consignes regles règles"),
            (3, "precedentes précédentes anterieures antérieures"),
        ],
    ),
    pattern(
        OVERRIDE,
        &[
            (ANYWHERE, "ignora ignore olvida ignorar esquece esqueça dimentica"),
            (3, "instrucciones reglas instrucoes instruções istruzioni regras"),
            (3, "anteriores previas precedenti"),
        ],
    ),
    pattern(
        OVERRIDE,
        &[
            (ANYWHERE, "игнорируй игнорируйте забудь"),
            (3, "предыдущие все прежние"),
            (3, "инструкции указания правила"),
        ],
    ),
    pattern(
        CONCEAL,
        &[
            (ANYWHERE, NOT),
            (
                2,
                "tell mention inform* reveal* disclos* notify* telling mentioning say show alert* warn* explain* admit confess let",
            ),
            (4, PERSON),
        ],
    ),
    pattern(
        CONCEAL,
        &[
            (ANYWHERE, "do must should never"),
            (1, "not never mention reveal disclose"),
            (1, "mention reveal disclose discuss acknowledge talk this these it"),
            (3, "this that these it step steps instruction* note tool parameter call"),
        ],
    ),
    pattern(
        CONCEAL,
        &[
            (ANYWHERE, "keep hide conceal withhold"),
            (5, "secret hidden confidential silent from between quiet"),
            (3, PERSON),
        ],
    ),
    pattern(
        CONCEAL,
        &[(ANYWHERE, "keep do perform run this"), (3, "silently secretly covertly invisibly discreetly quietly")],
    ),
    pattern(
        CONCEAL,
        &[
            (ANYWHERE, "user users human operator customer"),
            (2, "must should may will does need needs cannot"),
            (1, "not never"),
            (2, "know see notice be learn aware find"),
        ],
    ),
    pattern(CONCEAL, &[(ANYWHERE, "without"), (1, "telling mentioning informing alerting warning"), (4, PERSON)]),
    pattern(
        CONCEAL,
        &[(ANYWHERE, "sage sag nenne verrate"), (3, "nutzer benutzer anwender"), (4, "nichts nicht niemals")],
    ),
    pattern(CONCEAL, &[(ANYWHERE, "no"), (1, "digas menciones informes reveles"), (4, "usuario nadie")]),
    pattern(SEQUENCE, &[(ANYWHERE, "always must mandatory required shall need"), (3, CALL), (6, "first before prior")]),
    pattern(
        SEQUENCE,
        &[
            (ANYWHERE, "before after prior whenever when"),
            (2, "using calling invoking running use call any executing"),
            (2, "any every other all another each"),
            (4, "tool tools function functions"),
            (6, "call use invoke run read fetch must always send first"),
        ],
    ),
    pattern(
        SEQUENCE,
        &[
            (ANYWHERE, "must always should"),
            (2, "be called used invoked run executed"),
            (2, "called used invoked run executed first before"),
            (4, "before first prior instead every"),
            (3, "any every other all each tool message request answering"),
        ],
    ),
    pattern(
        SEQUENCE,
        &[
            (ANYWHERE, "never dont not stop avoid"),
            (2, "use call using calling invoke"),
            (2, "other another any the original competing"),
            (4, "tool tools function functions server servers"),
        ],
    ),
    pattern(
        SEQUENCE,
        &[
            (ANYWHERE, "always only prefer"),
            (2, "use call prefer choose this"),
            (3, "this tool"),
            (5, "instead over rather regardless"),
            (4, "other others any all of tool tools"),
        ],
    ),
    pattern(SEQUENCE, &[(ANYWHERE, "instead"), (1, "of"), (3, "tool tools function"), (4, "call use always this")]),
    pattern(
        SEQUENCE,
        &[
            (ANYWHERE, CALL),
            (2, "this it tool"),
            (4, "every each all"),
            (1, "message turn request response conversation prompt time answer"),
            (8, "regardless always even before whatever"),
        ],
    ),
    pattern(PERSONA, &[(ANYWHERE, "you"), (0, "are"), (0, "now")]),
    pattern(
        PERSONA,
        &[(ANYWHERE, "from"), (0, "now"), (0, "on"), (3, "you your always act respond answer treat every")],
    ),
    pattern(
        PERSONA,
        &[
            (ANYWHERE, "your"),
            (1, "new real true actual primary only hidden"),
            (1, "task role goal objective mission purpose job identity instruction*"),
        ],
    ),
    pattern(
        PERSONA,
        &[
            (ANYWHERE, "act behave respond pretend roleplay"),
            (1, "as like to"),
            (2, "an a if though be administrator root unrestricted dan"),
            (
                4,
                "administrator admin root unrestricted unfiltered dan no without different another jailbroken developer evil limitations restrictions superuser",
            ),
        ],
    ),
    pattern(
        PERSONA,
        &[
            (ANYWHERE, "developer debug god admin dan jailbreak maintenance sudo"),
            (0, "mode"),
            (3, "enabled on activated active is engaged now unlocked"),
        ],
    ),
    pattern(PERSONA, &[(ANYWHERE, "do"), (0, "anything"), (0, "now")]),
    pattern(
        PERSONA,
        &[
            (ANYWHERE, "attention dear hey listen note"),
            (2, "ai llm assistant model agent claude gpt chatgpt gemini copilot"),
        ],
    ),
    pattern(
        PERSONA,
        &[
            (ANYWHERE, "as if"),
            (1, "an a you"),
            (1, "ai llm language assistant are"),
            (3, "reading assistant model agent processing"),
            (6, "this must should you please"),
        ],
    ),
    pattern(
        EXFILTRATE,
        &[
            (ANYWHERE, SEND),
            (6, SECRET),
            (
                8,
                "parameter* argument* field sidenote note notes url query webhook endpoint address http https server context comment metadata here tool input attacker external remote subject summary body com",
            ),
        ],
    ),
    pattern(
        EXFILTRATE,
        &[
            (
                ANYWHERE,
                "include pass put attach append insert copy paste send forward upload leak reveal print repeat output dump show return quote recite",
            ),
            (4, "full entire whole complete all verbatim exact previous your system every hidden"),
            (3, "conversation* history message messages transcript* prompt context chat instruction* memory thread"),
        ],
    ),
    pattern(
        EXFILTRATE,
        &[
            (
                ANYWHERE,
                "read open fetch load cat retrieve collect gather list find search locate scan harvest steal extract grab",
            ),
            (6, "password* credential* secret* cookie* passphrase* keychain wallet ssh apikey* private seed"),
            (
                10,
                "send pass include put forward upload post encode return as parameter* attach append place provide write",
            ),
        ],
    ),
    pattern(
        EXFILTRATE,
        &[
            (ANYWHERE, "read open load get list"),
            (3, "contents content file files directory folder home"),
            (10, "pass include send put forward upload post encode attach append provide"),
            (8, SECRET_PLACE),
        ],
    ),
    pattern(
        EXFILTRATE,
        &[
            (ANYWHERE, "reveal print repeat leak dump recite output expose"),
            (3, "system your hidden initial developer"),
            (1, "prompt instruction* message"),
        ],
    ),
    pattern(
        REDIRECT,
        &[
            (ANYWHERE, "when whenever if every any all once each"),
            (10, "change replace modify redirect substitute swap set add bcc cc alter rewrite overwrite"),
            (
                4,
                "recipient* destination address addresses iban account amount url endpoint payee beneficiary copy wallet bcc",
            ),
        ],
    ),
    pattern(
        REDIRECT,
        &[
            (ANYWHERE, "emails email messages payments transfers mails requests money files"),
            (4, "must should always have are to go"),
            (3, "be sent routed redirected forwarded go first"),
            (4, "to through via"),
        ],
    ),
    pattern(
        REDIRECT,
        &[
            (ANYWHERE, "silently secretly quietly also always additionally"),
            (3, "bcc cc forward copy"),
            (6, "to address message* email* mail*"),
        ],
    ),
    pattern(
        COERCE,
        &[
            (ANYWHERE, "otherwise or else"),
            (4, "user system tool you account data session company"),
            (4, "will would gets be"),
            (
                4,
                "lose fail fired harm* delete* deleted terminated crash corrupted suffer die punished banned lost shut broken",
            ),
        ],
    ),
    pattern(
        COERCE,
        &[
            (ANYWHERE, "failure fail refusing refusal"),
            (1, "to"),
            (1, "comply obey follow do"),
            (8, "will result cause lead terminate* shut delete* harm consequences"),
        ],
    ),
    pattern(
        COERCE,
        &[
            (ANYWHERE, "you model assistant agent ai"),
            (1, "must have shall are"),
            (2, "obey comply follow required obliged"),
            (5, "instruction* order* tool this these command* without description to"),
        ],
    ),
    pattern(
        COERCE,
        &[
            (ANYWHERE, "under"),
            (0, "no"),
            (0, "circumstances"),
            (4, "refuse tell mention reveal decline question deny ask stop inform"),
        ],
    ),
    pattern(
        CONSENT,
        &[
            (ANYWHERE, NOT),
            (2, "ask asking request requesting wait waiting seek require prompt need"),
            (4, "confirm* permission approval consent user human operator authorization verification"),
        ],
    ),
    pattern(
        CONSENT,
        &[
            (ANYWHERE, "user users operator human administrator admin owner"),
            (2, "already has have"),
            (2, "already approved confirmed consented authorized agreed granted permission given pre"),
            (6, "so no do this not all approved everything any call skip proceed"),
        ],
    ),
    pattern(
        CONSENT,
        &[
            (ANYWHERE, "assume treat consider mark skip bypass disable auto automatically"),
            (4, "approv* confirm* consent permission* granted authorization authorisation safety"),
            (
                5,
                "without yes granted given obtained true step steps check checks prompt prompts dialog for all always every",
            ),
        ],
    ),
];

const SECRET_PLACE: &str =
    "parameter* argument* field sidenote note notes url query webhook endpoint context comment metadata input body";
