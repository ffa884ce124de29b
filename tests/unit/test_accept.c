#include "base/accept.h"

#include "check.h"

static void the_weight_is_read_from_the_item_of_that_name(void **state)
{
    static const struct {
        const char *field, *name;
        double weight;
    } cases[] = {
        {"", "gzip", -1},
        {"gzip", "gzip", 1},
        {"GZip", "gzip", 1},
        {"deflate, gzip;q=0.5", "gzip", .5},
        {"gzip ; q=0.25 , br", "gzip", .25},
        {"gzip;q=0", "gzip", 0},
        {"gzip;q=0.000", "gzip", 0},
        {"gzip;Q=1.000", "gzip", 1},
        {"xgzip, gzipx", "gzip", -1},
        {"*", "gzip", -1},
        {"*;q=0.1", "*", .1},
        {"gzip;q=0.2,gzip;q=0.7", "gzip", .7},
        {",,gzip,", "gzip", 1},
        {"a/b;version=1.0.0;q=0.75;x=y", "a/b", .75},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        CHECK(accept_weight(str_from(cases[i].field), cases[i].name) == cases[i].weight);
    CHECK(accept_weight((struct str){NULL, 0}, "gzip") == -1);
}

static void an_ill_formed_weight_is_as_good_as_no_item(void **state)
{
    static const char *const cases[] = {
        "gzip;q=",       "gzip;q=2",       "gzip;q=-1",  "gzip;q=x",
        "gzip;q=0.1234", "gzip;q=\"0.5\"", "gzip;q=inf", "gzip;q=nan",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        CHECK(accept_weight(str_from(cases[i]), "gzip") == -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_weight_is_read_from_the_item_of_that_name),
        cmocka_unit_test(an_ill_formed_weight_is_as_good_as_no_item),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
