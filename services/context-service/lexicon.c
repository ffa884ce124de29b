#include "lexicon.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define S LEXICON_STOP
#define D LEXICON_DEMAND
#define C LEXICON_DECISION
#define E LEXICON_ERROR
#define N LEXICON_NOT
#define W LEXICON_WILL

struct entry {
    const char *word;
    unsigned char flags;
};

/* In order of bytes. How words for errors begin is in cue.c, too. */
/* clang-format off */
static const struct entry entries[] = {
    {"a", S}, {"aan", S}, {"aber", S}, {"abgebrochen", E}, {"abort", E}, {"aborted", E},
    {"aborting", E}, {"about", S}, {"above", S}, {"acordado", C}, {"adopt", C}, {"adopted", C},
    {"after", S}, {"again", S}, {"agree", C}, {"agreed", C}, {"al", S}, {"aldrig", D},
    {"ale", S}, {"algo", S}, {"all", S}, {"alla", S}, {"alleen", D}, {"allons", W},
    {"alltid", D}, {"als", S}, {"also", S}, {"altijd", D}, {"always", D}, {"am", S}, {"an", S},
    {"anche", S}, {"and", S}, {"any", S}, {"ao", S}, {"aos", S}, {"apenas", D}, {"approve", C},
    {"approved", C}, {"are", S},
    {"aren", S}, {"as", S}, {"at", S}, {"att", S}, {"au", S}, {"auch", S}, {"aucun", N},
    {"auf", S}, {"aus", S}, {"aux", S}, {"av", S}, {"avec", S}, {"avoid", D}, {"bad", E},
    {"be", S}, {"because", S}, {"been", S}, {"before", S}, {"bei", S}, {"being", S},
    {"belangrijk", D}, {"below", S}, {"ben", S}, {"beschlossen", C}, {"besloten", C},
    {"besluit", C}, {"between", S}, {"bij", S}, {"bin", S}, {"bis", S}, {"bist", S}, {"both", S},
    {"brak", N}, {"broken", E}, {"but", S}, {"by", S}, {"był", S}, {"błąd", E}, {"can", S},
    {"cannot", D | E | N}, {"capped", C}, {"ce", S}, {"ces", S}, {"cette", S}, {"che", S},
    {"chi", S},
    {"choice", C}, {"choisi", C}, {"choisir", C}, {"choisis", C}, {"choose", C}, {"chooses", C},
    {"choosing", C}, {"chose", C}, {"chosen", C}, {"ci", S}, {"co", S}, {"com", S}, {"comme", S},
    {"como", S}, {"con", S}, {"conclude", C}, {"concluded", C}, {"conclusion", C},
    {"conflict", E}, {"constraint", D}, {"corrupt", E}, {"corrupted", E}, {"cosa", S},
    {"could", S}, {"couldn", S}, {"crash", E}, {"crashed", E}, {"critical", E}, {"cuando", S},
    {"cui", S}, {"cuál", S}, {"cuándo", S}, {"czy", S}, {"d", S}, {"da", S}, {"dal", S},
    {"dalla", S}, {"damit", S}, {"dans", S}, {"darf", D}, {"das", S}, {"dass", S}, {"dat", S},
    {"de", S}, {"dead", E}, {"deadline", D}, {"deadlock", E}, {"debe", D}, {"deben", D},
    {"debes", D},
    {"decide", C}, {"decided", C}, {"decides", C}, {"decidi", C}, {"decidido", C},
    {"decidimos", C}, {"decido", C}, {"decision", C}, {"decisione", C}, {"decisions", C},
    {"decisión", C}, {"deciso", C}, {"decisão", C}, {"declined", E}, {"dei", S}, {"dein", S},
    {"del", S}, {"della", S}, {"dem", S}, {"den", S}, {"denegado", E}, {"denied", E}, {"der", S},
    {"des", S}, {"desde", S}, {"det", S}, {"deve", D}, {"devem", D}, {"devo", D}, {"deze", S},
    {"di", S}, {"did", S}, {"didn", S}, {"die", S}, {"dies", S}, {"diese", S}, {"dieser", S},
    {"dir", S}, {"dit", S}, {"dla", S}, {"do", S}, {"doch", S}, {"does", S}, {"doesn", S},
    {"doing", S}, {"dois", D}, {"doit", D}, {"doivent", D}, {"don", S}, {"donde", S},
    {"done", S}, {"dont", S}, {"door", S}, {"dos", S}, {"dove", S}, {"down", S}, {"dropped", E},
    {"du", S}, {"dumped", E}, {"duplicate", E}, {"durch", S}, {"during", S}, {"décide", C},
    {"décidé", C}, {"décision", C}, {"dónde", S}, {"dürfen", D}, {"e", S}, {"each", S},
    {"echec", E}, {"een", S}, {"ein", S}, {"eine", S}, {"einem", S}, {"einen", S}, {"einer", S},
    {"el", S}, {"ela", S}, {"ele", S}, {"elegido", C}, {"elegimos", C}, {"elijo", C},
    {"ella", S}, {"elle", S}, {"ellos", S}, {"else", S}, {"em", S}, {"en", S}, {"endast", D},
    {"ensure", D}, {"entre", S}, {"entscheide", C}, {"entscheiden", C}, {"entscheidung", C},
    {"entschieden", C}, {"er", S}, {"era", S}, {"eres", S}, {"err", E}, {"erreur", E},
    {"errno", E}, {"erro", E}, {"error", E}, {"errore", E}, {"errors", E}, {"es", S}, {"esa", S},
    {"escalate", C}, {"escalated", C}, {"escalating", C}, {"escolhi", C}, {"escolhido", C},
    {"ese", S}, {"eso", S},
    {"essa", S},
    {"esse", S},
    {"est", S}, {"esta", S}, {"este", S}, {"esto", S}, {"está", S}, {"et", S}, {"ett", S},
    {"euch", S}, {"eux", S}, {"even", S}, {"ever", S}, {"evita", D},
    {"exceeded", E},
    {"exceeds", E}, {"exception", E}, {"exhausted", E}, {"exit", E}, {"exited", E},
    {"expired", E}, {"fail", E}, {"failed", E}, {"failing", E}, {"fails", E}, {"failure", E},
    {"failures", E}, {"falha", E}, {"falhou", E}, {"fallido", E}, {"fallito", E}, {"fallo", E},
    {"falló", E}, {"fatal", E}, {"fault", E}, {"faults", E}, {"fehler", E},
    {"fehlgeschlagen", E}, {"fehlt", E}, {"fel", E}, {"festgelegt", C}, {"few", S}, {"foi", S},
    {"for", S}, {"forbid", D}, {"forbidden", D}, {"fout", E}, {"frist", D}, {"from", S},
    {"från", S}, {"fue", S}, {"further", S}, {"för", S}, {"für", S}, {"ga", W}, {"gaan", W},
    {"geen", N}, {"gekozen", C}, {"gescheitert", E}, {"get", S}, {"gets", S}, {"getting", S},
    {"gewählt", C}, {"give", S}, {"given", S}, {"gli", S}, {"go", S}, {"goes", S},
    {"going", S | W}, {"gone", S}, {"got", S}, {"ha", S}, {"habe", S}, {"haben", S}, {"had", S},
    {"hadn", S}, {"hanno", S}, {"har", S}, {"has", S}, {"hasn", S}, {"hat", S},
    {"hatte", S},
    {"have", S}, {"haven", S}, {"having", S}, {"hay", S}, {"he", S}, {"heb", S}, {"heeft", S},
    {"her", S}, {"here", S}, {"hers", S}, {"het", S}, {"hier", S}, {"hij", S}, {"him", S},
    {"his", S}, {"hoe", S}, {"how", S}, {"however", S}, {"hun", S}, {"höchstens", D}, {"i", S},
    {"ich", S}, {"if", S}, {"ihm", S}, {"ihn", S}, {"ihr", S}, {"ik", S}, {"il", S},
    {"illegal", E}, {"ils", S}, {"im", S}, {"immer", D}, {"important", D}, {"importante", D},
    {"in", S}, {"incompatible", E}, {"insist", D}, {"instead", C}, {"inte", S | N}, {"interdit", D},
    {"into", S},
    {"introuvable", E}, {"invalid", E}, {"io", S}, {"is", S}, {"isn", S}, {"isso", S},
    {"ist", S}, {"it", S}, {"its", S}, {"itself", S}, {"ja", S}, {"jag", S}, {"jak", S},
    {"jamais", D}, {"je", S}, {"jest", S}, {"just", S}, {"já", S}, {"kan", S}, {"kann", S},
    {"keeping", C}, {"kein", S | N}, {"keine", S | N}, {"killed", E}, {"know", S}, {"la", S},
    {"las", S},
    {"le", S}, {"les", S}, {"let", S | W}, {"leur", S}, {"like", S}, {"limit", D},
    {"limited", D}, {"ll", S | W}, {"lo", S}, {"los", S}, {"lost", E}, {"lui", S}, {"m", S | W},
    {"ma", S},
    {"made", S}, {"mai", D}, {"mais", S}, {"make", S}, {"makes", S}, {"man", S},
    {"mandatory", D}, {"many", S}, {"mas", S}, {"maximum", D}, {"may", S}, {"me", S}, {"med", S},
    {"mein", S}, {"men", S}, {"mes", S}, {"met", S}, {"meu", S}, {"mi", S}, {"mia", S},
    {"mich", S}, {"might", S}, {"mijn", S}, {"mindestens", D}, {"mine", S}, {"minha", S},
    {"minimum", D}, {"mio", S}, {"mir", S}, {"mis", S}, {"mislukt", E}, {"mismatch", E},
    {"mismatched", E}, {"missing", E}, {"mit", S}, {"moet", D}, {"moi", S}, {"mon", S},
    {"more", S}, {"most", S}, {"much", S}, {"musi", D}, {"muss", D}, {"must", D}, {"mustn", D},
    {"muy", S}, {"my", S}, {"myself", S}, {"más", S}, {"måste", D}, {"müssen", D}, {"na", S},
    {"naar", S}, {"nach", S}, {"nas", S}, {"ne", S}, {"nehme", W}, {"nehmen", W}, {"nel", S},
    {"nella", S}, {"nessun", N}, {"never", D | N}, {"nicht", N}, {"nichts", N},
    {"nie", S | D | N}, {"niemals", D}, {"niepowodzenie", E}, {"niet", S | N}, {"nigdy", D},
    {"no", S | N}, {"nobody", N}, {"noch", S}, {"nog", S}, {"non", S | N}, {"none", N},
    {"nooit", D}, {"nor", S}, {"nos", S}, {"not", S | N}, {"nothing", N}, {"notre", S},
    {"nous", S}, {"now", S}, {"nun", S}, {"nunca", D}, {"nur", D}, {"não", S | N}, {"när", S},
    {"o", S}, {"ob", S}, {"obbligatorio", D}, {"obligatoire", D}, {"obligatorio", D}, {"och", S},
    {"od", S}, {"oder", S}, {"odmowa", E}, {"of", S}, {"off", S}, {"often", S}, {"om", S},
    {"on", S}, {"once", S}, {"onder", S}, {"one", S}, {"only", D}, {"onto", S}, {"ook", S},
    {"oom", E}, {"op", S}, {"opt", C}, {"opted", C}, {"opting", C}, {"or", S}, {"os", S},
    {"other", S}, {"ou", S}, {"our", S}, {"ours", S}, {"out", S}, {"over", S}, {"overflow", E},
    {"overloaded", E}, {"own", S}, {"où", S}, {"panic", E}, {"panicked", E}, {"par", S},
    {"para", S}, {"pas", S | N}, {"pela", S}, {"pelo", S}, {"per", S}, {"perché", S},
    {"pero", S}, {"picked", C}, {"picking", C}, {"più", S}, {"plan", C}, {"planned", C},
    {"plans", C}, {"please", S}, {"po", S}, {"por", S}, {"porque", S}, {"pour", S},
    {"prefer", D}, {"problem", E}, {"proceed", C}, {"proceeding", C}, {"prohibido", D},
    {"prohibited", D},
    {"proibido", D},
    {"propose", C}, {"przez", S}, {"put", S}, {"på", S}, {"qu", S}, {"qual", S}, {"quale", S},
    {"quand", S},
    {"quando", S}, {"que", S}, {"quel", S}, {"quella", S}, {"quelle", S}, {"quello", S},
    {"quem", S}, {"questa", S}, {"questo", S}, {"qui", S}, {"quien", S}, {"quite", S},
    {"quién", S}, {"qué", S}, {"rather", C}, {"rationale", C}, {"re", S}, {"really", S},
    {"rechazado", E},
    {"recusado", E}, {"refused", E}, {"refusé", E}, {"rejected", E}, {"remember", D},
    {"replace", C}, {"replaced", C}, {"replaces", C}, {"replacing", C}, {"require", D},
    {"required", D},
    {"requirement", D},
    {"requires", D},
    {"resolved", C},
    {"retenu", C}, {"retire", C}, {"retired", C}, {"rien", N}, {"rifiutato", E}, {"ruled", C},
    {"ruling", C}, {"s", S},
    {"sa", S}, {"said", S},
    {"same", S},
    {"say", S}, {"says", S}, {"scelto", C}, {"schon", S}, {"se", S}, {"see", S}, {"seem", S},
    {"segfault", E}, {"segmentation", E}, {"sein", S}, {"selected", C}, {"sem", S},
    {"sempre", D}, {"ser", S}, {"ses", S}, {"settle", C}, {"settled", C}, {"settling", C},
    {"seu", S}, {"seulement", D}, {"shall", D | W}, {"she", S}, {"should", S}, {"shouldn", S},
    {"si", S}, {"sich", S}, {"sie", S}, {"siempre", D}, {"sig", S}, {"sin", S}, {"since", S},
    {"sind", S}, {"się", S}, {"so", S}, {"sobre", S}, {"solamente", D}, {"solo", D},
    {"soltanto", D}, {"som", S}, {"some", S}, {"somente", D}, {"someone", S}, {"something", S},
    {"son", S}, {"sono", S}, {"sont", S}, {"soon", S}, {"standardise", C}, {"standardize", C},
    {"stick", C},
    {"sticking", C},
    {"still", S}, {"strictly", D}, {"stuck", E}, {"su", S}, {"sua", S}, {"such", S}, {"suo", S},
    {"sur", S},
    {"sus", S}, {"switch", C}, {"switched", C}, {"switching", C}, {"são", S}, {"så", S}, {"sí", S},
    {"sólo", D},
    {"t", S | N}, {"ta", S}, {"tak", S}, {"take", S}, {"también", S}, {"também", S}, {"te", S},
    {"tell", S}, {"tem", S}, {"tes", S}, {"than", S}, {"that", S}, {"the", S}, {"their", S},
    {"them", S}, {"then", S}, {"there", S}, {"these", S}, {"they", S}, {"thing", S},
    {"things", S}, {"this", S}, {"those", S}, {"though", S}, {"through", S},
    {"thus", S},
    {"ti", S}, {"tiene", S}, {"till", S}, {"timed", E}, {"timeout", E}, {"to", S}, {"toi", S},
    {"told", S}, {"ton", S}, {"too", S}, {"tot", S}, {"toujours", D}, {"tra", S},
    {"traceback", E}, {"tu", S}, {"tylko", D}, {"uit", S}, {"um", S}, {"uma", S}, {"un", S},
    {"una", S}, {"unable", E}, {"unauthorized", E}, {"unavailable", E}, {"unbedingt", D},
    {"uncaught", E}, {"und", S}, {"undefined", E}, {"under", S}, {"une", S}, {"unexpected", E},
    {"unexpectedly", E}, {"ungültig", E}, {"unhandled", E}, {"unhealthy", E}, {"uniquement", D},
    {"unknown", E},
    {"uno", S}, {"unreachable", E}, {"unresolved", E}, {"uns", S}, {"unsupported", E},
    {"unter", S}, {"until", S}, {"up", S}, {"upon", S}, {"us", S}, {"use", S}, {"used", S},
    {"uses", S}, {"using", S}, {"vado", W}, {"vais", W}, {"vamos", W}, {"van", S}, {"var", S},
    {"ve", S}, {"verboden", D}, {"verboten", D}, {"verdict", C}, {"verweigert", E}, {"very", S},
    {"vi", S},
    {"vietato", D}, {"violation", E}, {"você", S}, {"vom", S}, {"von", S}, {"voor", S},
    {"vor", S}, {"vos", S}, {"votre", S}, {"vou", W}, {"vous", S}, {"voy", W}, {"w", S},
    {"waar", S}, {"wann", S}, {"wanneer", S}, {"war", S}, {"waren", S}, {"was", S}, {"wasn", S},
    {"wat", S}, {"way", S}, {"we", S}, {"well", S}, {"wenn", S}, {"went", S}, {"wer", S},
    {"werd", S}, {"werde", W}, {"werden", W}, {"were", S}, {"what", S}, {"when", S},
    {"where", S}, {"whether", S}, {"which", S}, {"while", S}, {"who", S}, {"whom", S},
    {"whose", S}, {"why", S}, {"wichtig", D}, {"wie", S}, {"will", S | W}, {"wins", C}, {"wir", S},
    {"wird", S | W}, {"with", S}, {"wo", S}, {"won", S}, {"would", S}, {"wouldn", S},
    {"wurde", S}, {"wähle", C}, {"y", S}, {"ya", S}, {"yes", S}, {"yet", S}, {"you", S},
    {"your", S}, {"yours", S}, {"z", S}, {"za", S}, {"zawsze", D}, {"zij", S}, {"zijn", S},
    {"zo", S}, {"zu", S}, {"zum", S}, {"zur", S}, {"är", S}, {"è", S}, {"échec", E},
    {"échoué", E}, {"était", S}, {"été", S}, {"évite", D}, {"évitez", D}, {"über", S}, {"że", S},
    {"а", S}, {"без", S}, {"будем", W}, {"буду", W}, {"бы", S}, {"был", S}, {"была", S},
    {"были", S}, {"было", S}, {"быть", S}, {"в", S}, {"важно", D}, {"вам", S}, {"вас", S},
    {"во", S}, {"возьму", W}, {"вот", S}, {"все", S}, {"всегда", D}, {"всё", S}, {"вы", S},
    {"выбрал", C}, {"выбрали", C}, {"выбрано", C}, {"где", S}, {"да", S}, {"давай", W},
    {"для", S}, {"до", S}, {"должен", D}, {"должна", D}, {"должны", D}, {"его", S}, {"ее", S},
    {"если", S}, {"есть", S}, {"еще", S}, {"ещё", S}, {"её", S}, {"же", S}, {"за", S},
    {"запрещено", D}, {"и", S}, {"из", S}, {"или", S}, {"им", S}, {"исключение", E}, {"их", S},
    {"к", S}, {"как", S}, {"какой", S}, {"когда", S}, {"кто", S}, {"ли", S}, {"мне", S},
    {"мой", S}, {"мы", S}, {"на", S}, {"над", S}, {"не", S | N}, {"невозможно", E}, {"него", S},
    {"нее", S}, {"ней", S}, {"нельзя", D | N}, {"нет", S | N}, {"никогда", D | N}, {"но", S},
    {"ну", S}, {"нужно", D}, {"о", S}, {"об", S}, {"обязательно", D}, {"он", S}, {"она", S},
    {"они", S}, {"оно", S}, {"от", S}, {"отказ", E}, {"отказано", E}, {"ошибка", E},
    {"ошибки", E}, {"план", C}, {"по", S}, {"под", S}, {"превышено", E}, {"при", S},
    {"решение", C}, {"решено", C}, {"решил", C}, {"решила", C}, {"решили", C}, {"с", S},
    {"сбой", E}, {"со", S}, {"так", S}, {"там", S}, {"то", S}, {"того", S}, {"тоже", S},
    {"только", D}, {"ты", S}, {"у", S}, {"уже", S}, {"чем", S}, {"что", S}, {"чтобы", S},
    {"эта", S}, {"эти", S}, {"это", S}, {"этот", S}, {"я", S}, {"אסור", D}, {"בחרתי", C},
    {"הוחלט", C}, {"החלטה", C}, {"חייב", D}, {"שגיאה", E}, {"תמיד", D}, {"أبدا", D},
    {"اخترت", C}, {"خطأ", E}, {"دائما", D}, {"فشل", E}, {"فقط", D}, {"قرار", C}, {"قررت", C},
    {"ممنوع", D}, {"يجب", D}, {"कभी", D}, {"केवल", D}, {"त्रुटि", E}, {"निर्णय", C},
    {"हमेशा", D}, {"ต้อง", D}, {"ห้าม", D}, {"しま", W}, {"せん", E}, {"だけ", D}, {"ない", D | N},
    {"のみ", D}, {"ます", W}, {"エラ", E}, {"ラー", E}, {"不存", N}, {"不得", D}, {"不能", D | N},
    {"不要", D | N}, {"中断", E}, {"例外", E}, {"决定", C}, {"决策", C}, {"务必", D}, {"只能", D}, {"失敗", E},
    {"失败", E}, {"将", W}, {"崩溃", E}, {"异常", E}, {"必ず", D}, {"必須", D}, {"必须", D}, {"总是", D},
    {"报错", E}, {"拒否", E}, {"拒绝", E}, {"採用", C}, {"改为", W}, {"方案", C}, {"无法", E}, {"未能", N},
    {"決め", C}, {"決定", C}, {"没有", N}, {"異常", E}, {"禁止", D}, {"绝不", D}, {"超时", E}, {"选定", C},
    {"选择", C}, {"選択", C}, {"采用", C}, {"錯誤", E}, {"错误", E}, {"결정", C}, {"금지", D}, {"드시", D},
    {"반드", D}, {"선택", C}, {"실패", E}, {"오류", E}, {"절대", D}, {"항상", D},
};
/* clang-format on */

#define SHARED_LETTERS 6 /* of an inflected word in an alphabet other than plain Latin */

static int compare(const void *key, const void *element)
{
    const struct str *word = key;
    const char *text = ((const struct entry *)element)->word;
    int order = strncmp(word->data, text, word->len);

    return order ? order : text[word->len] ? -1 : 0;
}

unsigned lexicon_flags(struct str word)
{
    const struct entry *e =
        bsearch(&word, entries, sizeof(entries) / sizeof(entries[0]), sizeof(entries[0]), compare);

    return e ? e->flags : 0;
}

static bool ends(const char *word, size_t len, const char *suffix)
{
    size_t n = strlen(suffix);

    return len > n && memcmp(word + len - n, suffix, n) == 0;
}

static bool is_vowel(char c)
{
    return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u' || c == 'y';
}

static bool has_vowel(const char *word, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (is_vowel(word[i]))
            return true;
    return false;
}

static size_t cut_plural(char *word, size_t len)
{
    if (len > 4 && ends(word, len, "ies")) {
        word[len - 3] = 'y';
        return len - 2;
    }
    if (len > 4 && (ends(word, len, "sses") || ends(word, len, "xes") || ends(word, len, "ches") ||
                    ends(word, len, "shes")))
        return len - 2;
    if (len > 3 && word[len - 1] == 's' && !strchr("sui", word[len - 2]))
        return len - 1;
    return len;
}

/* running, stopped: the doubled consonant goes, too. */
static size_t cut_tense(const char *word, size_t len)
{
    size_t rest = ends(word, len, "ing") ? len - 3 : ends(word, len, "ed") ? len - 2 : len;

    if (rest == len || rest < 3 || !has_vowel(word, rest))
        return len;
    char last = word[rest - 1];
    if (rest > 3 && last == word[rest - 2] && !is_vowel(last) && !strchr("lsz", last))
        rest--;
    return rest;
}

static size_t cut_derived(const char *word, size_t len)
{
    if (len > 7 && ends(word, len, "ation"))
        return len - 3;
    if (len > 7 && ends(word, len, "ment"))
        return len - 4;
    if (len > 5 && ends(word, len, "ly"))
        return len - 2;
    return len;
}

/* The first letters are what the forms of a word have in common. */
static size_t cut_letters(const char *word, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        if (((unsigned char)word[i] & 0xc0) != 0x80 && n++ == SHARED_LETTERS)
            return i;
    return len;
}

size_t lexicon_stem(char *word, size_t len, size_t n_other)
{
    if (n_other > 0)
        return cut_letters(word, len);
    if (len < 4 || memchr("0123456789", word[len - 1], 10))
        return len;
    len = cut_plural(word, len);
    len = cut_derived(word, cut_tense(word, len));
    if (len > 4 && word[len - 1] == 'e')
        len--;
    if (len > 4 && word[len - 1] == 'y')
        word[len - 1] = 'i';
    return len;
}
