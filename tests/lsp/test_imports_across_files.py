"""Where each language's imports lead: to definitions in other files of the workspace, by its rules and no further."""

import pytest

from plt_lsp.context.import_rules.files import Files
from plt_lsp.context.imports import RULES, origins
from plt_lsp.context.used_names import used_names
from plt_lsp.syntax.outlines.tables import TABLES
from tests.lsp.indexed import cursor_in, indexed

GO_MOD = "module example.com/shop\n\ngo 1.22\n"

# Each case: the files beside the cursor's own, its path and text, and the definitions that it leads to.
CASES = {
    "python: a module and a name": (
        {"shop/__init__.py": "", "shop/prices.py": "def total(items): pass\n\n\ndef other(): pass\n"},
        ("shop/app.py", "from shop.prices import total\n\ntotal(‸)\n"),
        {("shop/prices.py", "total")},
    ),
    "python: relative, from a package above": (
        {"shop/__init__.py": "", "shop/a/__init__.py": "", "shop/b.py": "class B: pass\n", "b.py": "class B: pass\n"},
        ("shop/a/c.py", "from ..b import B as Other\n\nOther(‸)\n"),
        {("shop/b.py", "B")},
    ),
    "python: a submodule, and what is taken from it": (
        {"shop/__init__.py": "", "shop/prices.py": "def total(): pass\n\n\ndef other(): pass\n"},
        ("shop/app.py", "from . import prices\n\nprices.total(‸)\n"),
        {("shop/prices.py", "total")},
    ),
    "python: a package that passes a name on, twice": (
        {
            "shop/__init__.py": "from shop.api import total\n",
            "shop/api.py": "from .inner.prices import total\n",
            "shop/inner/__init__.py": "",
            "shop/inner/prices.py": "def total(): pass\n",
        },
        ("app.py", "from shop import total\ntotal(‸)\n"),
        {("shop/inner/prices.py", "total")},
    ),
    "python: a package that passes everything on": (
        {"shop/__init__.py": "from .prices import *\n", "shop/prices.py": "def total(): pass\n"},
        ("app.py", "import shop\nshop.total(‸)\n"),
        {("shop/prices.py", "total")},
    ),
    "python: a dotted module, by its alias and by its name": (
        {"shop/__init__.py": "", "shop/prices.py": "def total(): pass\n\n\ndef tax(): pass\n"},
        ("app.py", "import shop.prices\nimport shop.prices as p\nshop.prices.total()\np.tax(‸)\n"),
        {("shop/prices.py", "total"), ("shop/prices.py", "tax")},
    ),
    "python: a folder of sources that is no package": (
        {"src/shop/__init__.py": "", "src/shop/prices.py": "def total(): pass\n"},
        ("tests/test_app.py", "from shop.prices import total\ntotal(‸)\n"),
        {("src/shop/prices.py", "total")},
    ),
    "python: the one package of this name in a folder that is no package": (
        {"engine/shop/__init__.py": "", "engine/shop/prices.py": "def total(): pass\n"},
        ("tests/test_app.py", "from shop.prices import total\ntotal(‸)\n"),
        {("engine/shop/prices.py", "total")},
    ),
    "python: two packages of one name are not guessed between": (
        {f"{place}/shop/{name}.py": "def total(): pass\n" for place in "ab" for name in ("__init__", "prices")},
        ("tests/test_app.py", "from shop.prices import total\ntotal(‸)\n"),
        set(),
    ),
    "python: a module inside a package is not meant by its last name": (
        {"shop/__init__.py": "", "shop/json.py": "def loads(): pass\n"},
        ("app.py", "import json\njson.loads(‸)\n"),
        set(),
    ),
    "typescript: relative, with the suffix left out": (
        {"src/prices.ts": "export function total() {}\n", "prices.ts": "export function total() {}\n"},
        ("src/app.ts", 'import { total as sum } from "./prices";\nsum(‸)\n'),
        {("src/prices.ts", "total")},
    ),
    "typescript: the compiled name of a module": (
        {"src/prices.ts": "export function total(): number { return 0 }\n"},
        ("src/app.ts", 'import { total } from "./prices.js";\ntotal(‸)\n'),
        {("src/prices.ts", "total")},
    ),
    "typescript: a folder, whose index passes names on": (
        {
            "src/lib/index.ts": 'export * from "./prices";\nexport { tax as vat } from "./tax";\nimport "./effects";\n',
            "src/lib/prices.ts": "export function total(): number { return 0 }\n",
            "src/lib/tax.ts": "export const tax = () => { return 1 };\n",
            "src/lib/effects.ts": "export function hidden() {}\n",
        },
        ("src/app.ts", 'import { total, vat, hidden } from "./lib";\ntotal(); vat(); hidden(‸)\n'),
        {("src/lib/prices.ts", "total"), ("src/lib/tax.ts", "tax")},
    ),
    "typescript: what is exported by default, and a namespace": (
        {
            "src/cart.tsx": "export default class Cart { }\n",
            "src/prices.ts": "export function total() {}\nexport function other() {}\n",
        },
        ("src/app.ts", 'import Basket from "./cart";\nimport * as p from "../src/prices";\nnew Basket(p.total(‸))\n'),
        {("src/cart.tsx", "Cart"), ("src/prices.ts", "total")},
    ),
    "typescript: the aliases and the base of the nearest tsconfig.json": (
        {
            "tsconfig.json": '{"compilerOptions": {"paths": {"@/*": ["./wrong/*"]}}}',
            "web/tsconfig.json": '{\n  // "paths": {"@/*": ["./none/*"]}\n'
            '  "compilerOptions": {"baseUrl": ".", "paths": {"@/*": ["./src/*"], "~tax": ["./src/tax.ts"]}}\n}\n',
            "web/src/prices.ts": "export function total() {}\n",
            "web/src/tax.ts": "export function tax() {}\n",
            "web/lib/cart.ts": "export class Cart {}\n",
            "wrong/prices.ts": "export function total() {}\n",
        },
        (
            "web/src/deep/app.ts",
            'import { total } from "@/prices";\nimport { tax } from "~tax";\nimport { Cart } from "lib/cart";\n'
            "total(tax(new Cart(‸)))\n",
        ),
        {("web/src/prices.ts", "total"), ("web/src/tax.ts", "tax"), ("web/lib/cart.ts", "Cart")},
    ),
    "typescript: a configuration that extends others": (
        {
            "tsconfig.base.json": '{"compilerOptions": {"baseUrl": ".", "paths": {"@shop/*": ["libs/*/src"]}}}',
            "apps/web/tsconfig.json": '{"extends": "../../tsconfig.base"}',
            "libs/prices/src/index.ts": "export function total() {}\n",
        },
        ("apps/web/app.ts", 'import { total } from "@shop/prices";\ntotal(‸)\n'),
        {("libs/prices/src/index.ts", "total")},
    ),
    "typescript: later extended configurations are over earlier ones": (
        {
            "tsconfig.base.json": '{"compilerOptions": {"paths": {"#/*": ["./wrong/*"]}}}',
            "configs/tsconfig.paths.json": '{"compilerOptions": {"paths": {"#/*": ["${configDir}/source/*"]}}}',
            "api/tsconfig.json": '{"extends": ["../tsconfig.base.json", "../configs/tsconfig.paths.json"]}',
            "api/source/tax.ts": "export function tax() {}\n",
            "wrong/tax.ts": "export function tax() {}\n",
            "configs/source/tax.ts": "export function tax() {}\n",
        },
        ("api/app.ts", 'import { tax } from "#/tax";\ntax(‸)\n'),
        {("api/source/tax.ts", "tax")},
    ),
    "typescript: a configuration's own aliases are in place of those that it extends": (
        {
            "tsconfig.base.json": '{"compilerOptions": {"paths": {"@/*": ["./lib/*"]}}}',
            "tsconfig.json": '{"extends": "./tsconfig.base.json", "compilerOptions": {"paths": {"~/*": ["./src/*"]}}}',
            "lib/prices.ts": "export function total() {}\n",
            "src/tax.ts": "export function tax() {}\n",
        },
        ("src/app.ts", 'import { total } from "@/prices";\nimport { tax } from "~/tax";\ntotal(tax(‸))\n'),
        {("src/tax.ts", "tax")},
    ),
    "typescript: a configuration that refers to others, and one that extends itself": (
        {
            "tsconfig.json": '{"files": [], "references": [{"path": "./tsconfig.app.json"}, {"path": "./server"}]}',
            "tsconfig.app.json": '{"extends": "./tsconfig.app.json", "compilerOptions": {"paths": {"@/*": ["src/*"]}}}',
            "server/tsconfig.json": '{"compilerOptions": {"paths": {"$/*": ["./lib/*"]}}}',
            "src/prices.ts": "export function total() {}\n",
            "server/lib/tax.ts": "export function tax() {}\n",
        },
        ("src/app.ts", 'import { total } from "@/prices";\nimport { tax } from "$/tax";\ntotal(tax(‸))\n'),
        {("src/prices.ts", "total"), ("server/lib/tax.ts", "tax")},
    ),
    "typescript: a package of the workspace": (
        {
            "package.json": '{"workspaces": ["packages/*", "tools"]}',
            "packages/prices/package.json": '{"name": "@shop/prices", "main": "dist/index.js"}',
            "packages/prices/src/index.ts": 'export * from "./total";\n',
            "packages/prices/src/total.ts": "export function total() {}\n",
            "packages/prices/src/tax.ts": "export function tax() {}\n",
            "packages/other/package.json": '{"name": "@other/other"}',
            "packages/other/index.ts": "export function wrong() {}\n",
            "tools/package.json": '{"name": "mend", "exports": {".": {"types": "./lib/mend.ts"}}}',
            "tools/lib/mend.ts": "export function mend() {}\n",
        },
        (
            "packages/web/app.ts",
            'import { total } from "@shop/prices";\nimport { tax } from "@shop/prices/tax";\n'
            'import { mend } from "mend";\nimport { wrong } from "@shop/other";\ntotal(tax(mend(wrong(‸))))\n',
        ),
        {
            ("packages/prices/src/total.ts", "total"),
            ("packages/prices/src/tax.ts", "tax"),
            ("tools/lib/mend.ts", "mend"),
        },
    ),
    "javascript: a package of a pnpm workspace, and what it exports under patterns": (
        {
            "pnpm-workspace.yaml": 'packages:\n  # all\n  - "libs/**"\n  - apps/web\n',
            "libs/prices/package.json": '{"name": "prices", "exports": {"./*": "./source/*.js"}}',
            "libs/prices/source/tax.js": "export function tax() {}\n",
            "apps/web/package.json": "{not json",
        },
        ("apps/web/app.js", 'import { tax } from "prices/tax";\ntax(‸)\n'),
        {("libs/prices/source/tax.js", "tax")},
    ),
    "typescript: a package is not a file": (
        {"src/react.ts": "export function useState() {}\n"},
        ("src/app.ts", 'import { useState } from "react";\nuseState(‸)\n'),
        set(),
    ),
    "javascript: require": (
        {"lib/prices.js": "function total() {}\nfunction tax() {}\nmodule.exports = { total, tax };\n"},
        ("lib/app.js", 'const { total } = require("./prices");\nconst p = require("./prices");\ntotal(p.tax(‸))\n'),
        {("lib/prices.js", "total"), ("lib/prices.js", "tax")},
    ),
    "go: a package of the module, and the cursor's own": (
        {
            "go.mod": GO_MOD,
            "prices/prices.go": "package prices\n\nfunc Total() int { return 0 }\n",
            "prices/tax.go": "package prices\n\nfunc Tax() int { return 0 }\n",
            "prices/tax_test.go": "package prices\n\nfunc Total() int { return 1 }\n",
            "cmd/load.go": "package main\n\nfunc load() {}\n",
            "other/load.go": "package other\n\nfunc load() {}\n",
        },
        (
            "cmd/main.go",
            'package main\n\nimport "example.com/shop/prices"\n\n'
            "func main() {\n\tload()\n\tprices.Total()\n\tprices.Tax(‸)\n}\n",
        ),
        {("prices/prices.go", "Total"), ("prices/tax.go", "Tax"), ("cmd/load.go", "load")},
    ),
    "go: another module": (
        {"go.mod": GO_MOD, "fmt/fmt.go": "package fmt\n\nfunc Println() {}\n"},
        ("main.go", 'package main\n\nimport "fmt"\n\nfunc main() {\n\tfmt.Println(‸)\n}\n'),
        set(),
    ),
    "rust: from the crate's root, relative, and a module's name": (
        {
            "src/lib.rs": "pub mod prices;\nmod a;\npub struct Cart {}\n",
            "src/prices.rs": "pub fn total() -> u8 { 0 }\npub fn tax() -> u8 { 0 }\n",
            "src/a/mod.rs": "pub mod b;\npub fn near() {}\n",
        },
        (
            "src/a/b.rs",
            "use crate::prices::{self, total};\nuse super::near;\nuse crate::Cart;\n\n"
            "fn f(c: Cart) {\n    near();\n    total();\n    prices::tax(‸)\n}\n",
        ),
        {("src/prices.rs", "total"), ("src/prices.rs", "tax"), ("src/a/mod.rs", "near"), ("src/lib.rs", "Cart")},
    ),
    "rust: another crate of the workspace, by its name": (
        {
            "crates/shop-core/Cargo.toml": '[package]\nname = "shop-core"\n',
            "crates/shop-core/src/lib.rs": "pub fn total() {}\n",
            "crates/app/Cargo.toml": '[package]\nname = "app"\n',
        },
        ("crates/app/src/main.rs", "use shop_core::total;\n\nfn main() {\n    total(‸)\n}\n"),
        {("crates/shop-core/src/lib.rs", "total")},
    ),
    "java: a type, a static member, and the cursor's own package": (
        {
            "src/main/java/shop/prices/Prices.java": "package shop.prices;\npublic class Prices { }\n",
            "src/main/java/shop/Cart.java": "package shop;\npublic class Cart { }\n",
            "src/main/java/other/Cart.java": "package other;\npublic class Cart { }\n",
        },
        (
            "src/main/java/shop/App.java",
            "package shop;\nimport shop.prices.Prices;\n"
            "class App {\n  int f(Cart c) {\n    return Prices.total(‸);\n  }\n}\n",
        ),
        {("src/main/java/shop/prices/Prices.java", "Prices"), ("src/main/java/shop/Cart.java", "Cart")},
    ),
    "java: all of a package": (
        {"src/shop/prices/Prices.java": "package shop.prices;\npublic class Prices { }\n"},
        ("src/app/App.java", "package app;\nimport shop.prices.*;\nclass App {\n  Prices p = ‸;\n}\n"),
        {("src/shop/prices/Prices.java", "Prices")},
    ),
    "csharp: a namespace with braces": (
        {
            f"{i}/P.cs": f"namespace {name} {{\n  public class Price {{ }}\n}}\n"
            for i, name in enumerate(["Shop.Prices", "B"])
        },
        ("App.cs", "using Shop.Prices;\nclass App {\n  Price p = ‸;\n}\n"),
        {("0/P.cs", "Price")},
    ),
    "csharp: a namespace that a file states for all of it, and the cursor's own": (
        {
            "prices/P.cs": "namespace Shop.Prices;\npublic class Price { }\n",
            "other/P.cs": "namespace Other;\npublic class Price { }\n",
            "Cart.cs": "namespace Shop.Front;\npublic class Cart { }\n",
        },
        (
            "App.cs",
            "using Shop.Prices;\nnamespace Shop.Front;\nclass App {\n  Price f(Cart cart) {\n    return ‸;\n  }\n}\n",
        ),
        {("prices/P.cs", "Price"), ("Cart.cs", "Cart")},
    ),
    "php: a namespace that composer.json gives a folder": (
        {
            "composer.json": '{"autoload": {"psr-4": {"Shop\\\\": "src/"}}}',
            "src/Prices/Price.php": "<?php\nnamespace Shop\\Prices;\nclass Price { }\n",
            "src/Cart.php": "<?php\nnamespace Shop;\nclass Cart { }\n",
        },
        (
            "src/App.php",
            "<?php\nnamespace Shop;\nuse Shop\\Prices\\Price;\nfunction f(Cart $c) {\n  return new Price(‸);\n}\n",
        ),
        {("src/Prices/Price.php", "Price"), ("src/Cart.php", "Cart")},
    ),
    "php: a file that is required": (
        {"lib/prices.php": "<?php\nfunction total() { }\n"},
        ("app.php", "<?php\nrequire_once __DIR__ . '/lib/prices.php';\ntotal(‸);\n"),
        {("lib/prices.php", "total")},
    ),
    "ruby: relative, and below lib": (
        {"lib/shop/prices.rb": "def total; end\n", "lib/shop/tax.rb": "class Tax; end\n"},
        ("lib/shop/app.rb", 'require_relative "prices"\nrequire "shop/tax"\ntotal(Tax.new‸)\n'),
        {("lib/shop/prices.rb", "total"), ("lib/shop/tax.rb", "Tax")},
    ),
    "lua: a dotted module under a name": (
        {"lua/shop/prices.lua": "local M = {}\nfunction M.total() end\nreturn M\n"},
        ("lua/app.lua", 'local prices = require("shop.prices")\nprices.total(‸)\n'),
        {("lua/shop/prices.lua", "M.total")},
    ),
    "shell: a file beside the script": (
        {"bin/prices.sh": "total() {\n  echo 1\n}\n"},
        ("bin/app.sh", 'source "$(dirname "$0")/prices.sh"\ntotal ‸\n'),
        {("bin/prices.sh", "total")},
    ),
    "c: beside, and in an include folder": (
        {
            "src/prices.h": "int total(int n);\n",
            "include/shop/tax.h": "typedef struct { int rate; } Tax;\n",
            "other/prices.h": "int total(void);\n",
        },
        ("src/app.c", '#include "prices.h"\n#include <shop/tax.h>\nint f(Tax t) {\n  return total(‸);\n}\n'),
        {("src/prices.h", "total"), ("include/shop/tax.h", "Tax")},
    ),
    "c: what an included file includes": (
        {"a.h": '#include "b.h"\n', "b.h": '#include "a.h"\nint total(int n);\n'},
        ("app.c", '#include "a.h"\nint f() {\n  return total(‸);\n}\n'),
        {("b.h", "total")},
    ),
    "cpp: a class in a namespace": (
        {"src/cart.hpp": "namespace shop {\nclass Cart {\n public:\n  int total() const;\n};\n}\n"},
        ("src/app.cpp", '#include "cart.hpp"\nint f() {\n  shop::Cart cart;\n  return cart.total(‸);\n}\n'),
        {("src/cart.hpp", "Cart")},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_where_imports_lead(name, tmp_path):
    files, (path, text), expected = CASES[name]
    snapshot, outline = cursor_in(path, text)
    view = indexed(tmp_path, {**files, path: "".join(snapshot.lines)})
    used = used_names(snapshot.lines, snapshot.cursor, outline)
    found = origins(Files(view.index, view.text_of), path, outline, used)
    assert {(one.path, one.definition.name) for one in found} == expected


def test_what_stands_in_the_same_package_is_found_among_many_of_its_name(tmp_path):
    others = {f"a{i}/load.go": f"package a{i}\n\nfunc load() {{}}\n" for i in range(30)}
    snapshot, outline = cursor_in("z/main.go", "package z\n\nfunc main() {\n\tload(‸)\n}\n")
    view = indexed(tmp_path, {**others, "z/load.go": "package z\n\nfunc load() {}\n"})
    used = used_names(snapshot.lines, snapshot.cursor, outline)
    found = origins(Files(view.index, view.text_of), "z/main.go", outline, used)
    assert {one.path for one in found} == {"z/load.go"}


def test_every_language_with_an_outline_has_a_rule():
    assert set(RULES) == set(TABLES)
