"""The tables of the compiled languages: Go, Rust, Java, C#, C and C++.

They name nodes of the grammars and know nothing of how an outline is made of them.
"""

GO = """
(type_declaration) @group
(const_declaration) @group
(var_declaration) @group
(function_declaration name: (_) @name body: (_) @body) @function
(method_declaration name: (_) @name body: (_) @body) @method
(type_spec name: (_) @name type: (struct_type (field_declaration_list) @body)) @struct
(type_spec name: (_) @name type: (interface_type "{" @body)) @interface
(type_spec name: (_) @name) @type
(type_alias name: (_) @name) @type
(method_elem name: (_) @name) @function
(source_file (const_declaration (const_spec . name: (_) @name) @variable))
(source_file (var_declaration (var_spec . name: (_) @name) @variable))
(source_file (var_declaration (var_spec_list (var_spec . name: (_) @name) @variable)))
"""
GO_IMPORTS = """
(import_declaration (import_spec !name path: (_) @module)) @import
(import_declaration (import_spec name: (package_identifier) @whole path: (_) @module)) @import
(import_declaration (import_spec name: (dot) @all path: (_) @module)) @import
(import_declaration (import_spec name: (blank_identifier) path: (_) @module)) @import
(import_declaration (import_spec_list (import_spec !name path: (_) @module))) @import
(import_declaration (import_spec_list (import_spec name: (package_identifier) @whole path: (_) @module))) @import
(import_declaration (import_spec_list (import_spec name: (dot) @all path: (_) @module))) @import
(import_declaration (import_spec_list (import_spec name: (blank_identifier) path: (_) @module))) @import
"""

# What a type is written around its name: `T` of `T<U>`, and others as they stand.
_RUST_TYPE = """[
  (generic_type type: (_) @name)
  (type_identifier) @name
  (scoped_type_identifier) @name
  (primitive_type) @name
  (reference_type) @name
  (tuple_type) @name
  (array_type) @name
  (dynamic_type) @name
]"""
RUST = f"""
(mod_item name: (_) @name body: (_) @body) @module
(struct_item name: (_) @name) @struct
(struct_item name: (_) @name body: (field_declaration_list) @body) @struct
(union_item name: (_) @name body: (_) @body) @struct
(enum_item name: (_) @name body: (_) @body) @enum
(trait_item name: (_) @name body: (_) @body) @interface
(impl_item type: {_RUST_TYPE} body: (_) @body) @impl
(function_item name: (_) @name body: (_) @body) @function
(function_signature_item name: (_) @name) @function
(type_item name: (_) @name) @type
(const_item name: (_) @name) @variable
(static_item name: (_) @name) @variable
(macro_definition name: (_) @name "{{" @body) @macro
(macro_definition name: (_) @name "(" @body) @macro
"""
RUST_IMPORTS = """
(use_declaration argument: (_) @tree) @import
(mod_item name: (_) @own !body) @import
"""

JAVA = """
(class_declaration name: (_) @name body: (_) @body) @class
(interface_declaration name: (_) @name body: (_) @body) @interface
(annotation_type_declaration name: (_) @name body: (_) @body) @interface
(enum_declaration name: (_) @name body: (_) @body) @enum
(record_declaration name: (_) @name body: (_) @body) @struct
(method_declaration name: (_) @name body: (_) @body) @function
(method_declaration name: (_) @name !body) @function
(constructor_declaration name: (_) @name body: (_) @body) @function
(compact_constructor_declaration name: (_) @name body: (_) @body) @function
(field_declaration declarator: (variable_declarator name: (_) @name)) @variable
(constant_declaration declarator: (variable_declarator name: (_) @name)) @variable
"""
JAVA_IMPORTS = """
(import_declaration (scoped_identifier scope: (_) @module name: (_) @name) .) @import
(import_declaration (scoped_identifier) @module (asterisk) @all) @import
"""

CSHARP = """
(namespace_declaration name: (_) @name body: (_) @body) @module
(class_declaration name: (_) @name body: (_) @body) @class
(interface_declaration name: (_) @name body: (_) @body) @interface
(struct_declaration name: (_) @name body: (_) @body) @struct
(record_declaration name: (_) @name) @struct
(record_declaration name: (_) @name body: (_) @body) @struct
(enum_declaration name: (_) @name body: (_) @body) @enum
(delegate_declaration name: (_) @name) @type
(method_declaration name: (_) @name) @function
(method_declaration name: (_) @name body: (_) @body) @function
(local_function_statement name: (_) @name body: (_) @body) @function
(constructor_declaration name: (_) @name body: (_) @body) @function
(destructor_declaration name: (_) @name body: (_) @body) @function
(operator_declaration operator: (_) @name body: (_) @body) @function
(property_declaration name: (_) @name accessors: (_) @body) @variable
(property_declaration name: (_) @name value: (_) @body) @variable
(field_declaration (variable_declaration (variable_declarator name: (_) @name))) @variable
(event_field_declaration (variable_declaration (variable_declarator name: (_) @name))) @variable
"""
CSHARP_IMPORTS = """
(using_directive !name [(identifier) (qualified_name)] @module) @import
(using_directive name: (_) @whole [(qualified_name) (generic_name)] @module) @import
"""

# A declarator may stand in pointers; what is deeper in them than here is not found.
_FUNCTION = """[
  (function_declarator declarator: (_) @name)
  (pointer_declarator declarator: (function_declarator declarator: (_) @name))
  (pointer_declarator declarator: (pointer_declarator declarator: (function_declarator declarator: (_) @name)))
]"""
_VALUE = """[
  (identifier) @name
  (pointer_declarator declarator: (identifier) @name)
  (array_declarator declarator: (identifier) @name)
  (init_declarator declarator: (identifier) @name)
  (init_declarator declarator: (pointer_declarator declarator: (identifier) @name))
  (init_declarator declarator: (array_declarator declarator: (identifier) @name))
]"""

C = f"""
(preproc_def name: (_) @name) @macro
(preproc_function_def name: (_) @name value: (_) @body) @macro
(type_definition type: (struct_specifier body: (_) @body) declarator: (type_identifier) @name) @struct
(type_definition type: (enum_specifier body: (_) @body) declarator: (type_identifier) @name) @enum
(type_definition declarator: (type_identifier) @name) @type
(type_definition declarator: (function_declarator
  declarator: (parenthesized_declarator (pointer_declarator declarator: (_) @name)))) @type
(struct_specifier name: (_) @name body: (_) @body) @struct
(union_specifier name: (_) @name body: (_) @body) @struct
(enum_specifier name: (_) @name body: (_) @body) @enum
(function_definition declarator: {_FUNCTION} body: (_) @body) @function
(declaration declarator: {_FUNCTION}) @function
(translation_unit (declaration declarator: {_VALUE}) @variable)
"""
C_IMPORTS = """
(preproc_include path: (_) @path) @import
"""

CPP = f"""{C}
(template_declaration) @wrapper
(namespace_definition name: (_) @name body: (_) @body) @module
(class_specifier name: (_) @name body: (_) @body) @class
(function_definition declarator: (reference_declarator (function_declarator declarator: (_) @name))
  body: (_) @body) @function
(function_definition declarator: {_FUNCTION} (default_method_clause)) @function
(field_declaration declarator: {_FUNCTION}) @function
(field_declaration declarator: (reference_declarator (function_declarator declarator: (_) @name))) @function
(field_declaration declarator: (field_identifier) @name) @variable
(alias_declaration name: (_) @name) @type
(concept_definition name: (_) @name) @type
"""
