"""The tables of the scripting languages: Python, JavaScript and TypeScript, Ruby, PHP, Bash and Lua.

They name nodes of the grammars and know nothing of how an outline is made of them.
"""

PYTHON = """
(decorated_definition) @decorated
(function_definition name: (_) @name body: (_) @body) @function
(class_definition name: (_) @name body: (_) @body) @class
(module (expression_statement (assignment left: (identifier) @name) @variable))
(class_definition body: (block (expression_statement (assignment left: (identifier) @name) @variable)))
(module (type_alias_statement left: (type) @name) @type)
"""
PYTHON_IMPORTS = """
(import_statement name: (dotted_name) @module) @import
(import_statement name: (aliased_import name: (_) @module alias: (_) @whole)) @import
(import_from_statement module_name: (_) @module name: (dotted_name) @name) @import
(import_from_statement module_name: (_) @module name: (aliased_import name: (_) @name alias: (_) @alias)) @import
(import_from_statement module_name: (_) @module (wildcard_import) @name) @import
(future_import_statement "__future__" @module name: (dotted_name) @name) @import
"""

JAVASCRIPT = """
(export_statement) @wrapper
(lexical_declaration) @group
(variable_declaration) @group
(function_declaration name: (_) @name body: (_) @body) @function
(generator_function_declaration name: (_) @name body: (_) @body) @function
(class_declaration name: (_) @name body: (_) @body) @class
(method_definition name: (_) @name body: (_) @body) @function
(variable_declarator name: (identifier) @name value: (arrow_function body: (_) @body)) @function
(variable_declarator name: (identifier) @name value: (function_expression body: (_) @body)) @function
(variable_declarator name: (identifier) @name value: (class body: (_) @body)) @class
(program (lexical_declaration (variable_declarator name: (identifier) @name) @variable))
(program (export_statement (lexical_declaration (variable_declarator name: (identifier) @name) @variable)))
(program (expression_statement (assignment_expression
  left: (member_expression) @name right: (function_expression body: (_) @body)) @function))
(program (expression_statement (assignment_expression
  left: (member_expression) @name right: (arrow_function body: (_) @body)) @function))
(pair key: (_) @name value: (function_expression body: (_) @body)) @function
"""
JAVASCRIPT_FIELDS = """
(field_definition property: (_) @name value: (arrow_function body: (_) @body)) @function
(field_definition property: (_) @name) @variable
"""
JAVASCRIPT_IMPORTS = """
(import_statement source: (string) @module) @import
(import_statement (import_clause (identifier) @default) source: (string) @module) @import
(import_statement (import_clause (namespace_import (identifier) @whole)) source: (string) @module) @import
(import_statement (import_clause (named_imports
  (import_specifier name: (_) @name !alias))) source: (string) @module) @import
(import_statement (import_clause (named_imports
  (import_specifier name: (_) @name alias: (_) @alias))) source: (string) @module) @import
(export_statement source: (string) @module) @import
(export_statement (export_clause (export_specifier name: (_) @name !alias)) source: (string) @module) @import
(export_statement (export_clause (export_specifier name: (_) @name alias: (_) @alias)) source: (string) @module) @import
(variable_declarator name: (identifier) @whole value: (call_expression
  function: (identifier) @word arguments: (arguments . (string) @module .))) @import
(variable_declarator name: (object_pattern (shorthand_property_identifier_pattern) @name) value: (call_expression
  function: (identifier) @word arguments: (arguments . (string) @module .))) @import
(variable_declarator name: (object_pattern (pair_pattern key: (_) @name value: (identifier) @alias))
  value: (call_expression function: (identifier) @word arguments: (arguments . (string) @module .))) @import
"""

TYPESCRIPT_IMPORTS = """
(import_statement (import_require_clause (identifier) @whole source: (string) @module)) @import
"""
TYPESCRIPT = """
(ambient_declaration) @wrapper
(abstract_class_declaration name: (_) @name body: (_) @body) @class
(interface_declaration name: (_) @name body: (_) @body) @interface
(type_alias_declaration name: (_) @name) @type
(enum_declaration name: (_) @name body: (_) @body) @enum
(internal_module name: (_) @name body: (_) @body) @module
(module name: (_) @name body: (_) @body) @module
(function_signature name: (_) @name) @function
(method_signature name: (_) @name) @function
(abstract_method_signature name: (_) @name) @function
(property_signature name: (_) @name) @variable
(public_field_definition name: (_) @name value: (arrow_function body: (_) @body)) @function
(public_field_definition name: (_) @name) @variable
"""

RUBY = """
(module name: (_) @name) @module
(class name: (_) @name) @class
(method name: (_) @name) @function
(singleton_method name: (_) @name) @function
(singleton_class value: (_) @name) @class
(program (assignment left: (constant) @name) @variable)
(body_statement (assignment left: (constant) @name) @variable)
"""
RUBY_IMPORTS = """
(call method: (identifier) @word arguments: (argument_list . (string) @module .)) @import
"""

PHP = """
(namespace_definition name: (_) @name body: (_) @body) @module
(class_declaration name: (_) @name body: (_) @body) @class
(interface_declaration name: (_) @name body: (_) @body) @interface
(trait_declaration name: (_) @name body: (_) @body) @interface
(enum_declaration name: (_) @name body: (_) @body) @enum
(function_definition name: (_) @name body: (_) @body) @function
(method_declaration name: (_) @name body: (_) @body) @function
(method_declaration name: (_) @name !body) @function
(const_declaration (const_element (name) @name)) @variable
(property_declaration (property_element name: (_) @name)) @variable
"""
PHP_IMPORTS = """
(namespace_use_declaration (namespace_use_clause [(qualified_name) (name)] @module !alias)) @import
(namespace_use_declaration (namespace_use_clause [(qualified_name) (name)] @module alias: (_) @whole)) @import
(namespace_use_declaration (namespace_name) @module
  body: (namespace_use_group (namespace_use_clause . [(qualified_name) (name)] @name !alias))) @import
(namespace_use_declaration (namespace_name) @module
  body: (namespace_use_group (namespace_use_clause . [(qualified_name) (name)] @name alias: (_) @alias))) @import
(require_expression (string) @module) @import
(require_once_expression (string) @module) @import
(include_expression (string) @module) @import
(include_once_expression (string) @module) @import
(require_expression (binary_expression right: (string) @module)) @import
(require_once_expression (binary_expression right: (string) @module)) @import
(include_expression (binary_expression right: (string) @module)) @import
(include_once_expression (binary_expression right: (string) @module)) @import
"""

BASH = """
(declaration_command) @wrapper
(function_definition name: (_) @name body: (_) @body) @function
(program (variable_assignment name: (variable_name) @name) @variable)
(program (declaration_command (variable_assignment name: (variable_name) @name) @variable))
"""
BASH_IMPORTS = """
(command name: (command_name (word) @word) . argument: (_) @module) @import
"""

LUA = """
(variable_declaration) @wrapper
(function_declaration name: (_) @name) @function
(assignment_statement (variable_list . name: (_) @name .)
  (expression_list . value: (function_definition body: (_) @body))) @function
(assignment_statement (variable_list . name: (_) @name .)
  (expression_list . value: (function_definition "end" @body))) @function
(chunk (variable_declaration (assignment_statement (variable_list . name: (_) @name .)) @variable))
(chunk (assignment_statement (variable_list . name: (_) @name .)) @variable)
"""
LUA_IMPORTS = """
(assignment_statement (variable_list . name: (identifier) @whole .) (expression_list . value:
  (function_call name: (identifier) @word arguments: (arguments . (string) @module .)) .)) @import
(function_call name: (identifier) @word arguments: (arguments . (string) @module .)) @import
"""
