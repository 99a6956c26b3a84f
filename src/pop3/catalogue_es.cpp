// The Spanish texts, in UTF-8 (RFC 6856 section 3 allows it after LANG).
#include "catalogue.h"

namespace buzon::pop3 {

constexpr Catalogue spanish{
    .tag = "es",
    .name = "Español",

    .greeting = "Servidor POP3 listo",
    .goodbye = "Hasta luego",

    .unknown_command = "Orden desconocida",
    .line_too_long = "Línea demasiado larga",
    .invalid_line = "Línea no válida",
    .too_many_bad_lines = "Demasiadas órdenes no válidas, hasta luego",
    .bad_arguments = "Número de argumentos incorrecto",
    .only_before_login = "Solo antes de iniciar la sesión",
    .only_after_login = "Primero inicie la sesión",
    .tls_not_here = "STLS no está disponible",
    .tls_begins = "Inicie la negociación TLS",

    .user_accepted = "Usuario aceptado, falta la contraseña",
    .password_accepted = "Contraseña aceptada",
    .user_first = "Primero indique el usuario",
    .not_utf8 = "No es UTF-8 válido",
    .clear_text_refused = "Sin TLS no se acepta una contraseña en claro",
    .wrong_password = "Contraseña incorrecta",
    .not_permitted = "Acceso no permitido",
    .login_temporary = "Servicio de autenticación no disponible (service unavailable), inténtelo más tarde",
    .in_use = "Otra sesión tiene bloqueado el buzón (locked)",
    .too_soon = "La sesión anterior es demasiado reciente, espere (wait)",
    .too_soon_for = "La sesión anterior es demasiado reciente, espere (wait) {} segundos",
    .maildrop_unavailable = "Servicio no disponible (service unavailable) para este buzón, inténtelo más tarde",
    .maildrop_broken = "Servicio no disponible (service unavailable) para este buzón hasta que se repare",
    .too_many_sessions = "Servicio no disponible (service unavailable): demasiadas sesiones de este usuario",
    .no_apop = "APOP no está disponible",
    .mechanisms_follow = "Siguen los mecanismos",
    .unknown_mechanism = "Mecanismo de autenticación desconocido",
    .auth_cancelled = "Autenticación cancelada",
    .auth_bad_answer = "Respuesta no válida, autenticación terminada",

    .listing = "{} mensajes ({} octetos)",
    .unique_ids_follow = "Sigue la lista de identificadores",
    .maildrop_has = "El buzón tiene {} mensajes ({} octetos)",
    .not_a_number = "Número no válido",
    .no_such_message = "No existe ese mensaje",
    .deleted_already = "El mensaje {} ya está borrado",
    .deleted = "Mensaje {} borrado",
    .may_not_delete = "Esta contraseña solo permite leer el correo, no borrarlo",
    .octets = "{} octetos",
    .message_follows = "sigue el mensaje",
    .message_gone = "El mensaje ya no está",
    .message_unreadable = "Ahora no se puede leer el mensaje",
    .filter_failed = "No se pudo transformar el mensaje",
    .message_too_large = "El mensaje es mayor que lo que entrega este servidor",
    .message_needs_utf8 = "La cabecera del mensaje está en UTF-8: envíe UTF8 antes de identificarse",
    .not_removed = "{} de {} mensajes borrados no se eliminaron",
    .search_follows = "Siguen los mensajes encontrados",
    .bad_search = "Criterios de búsqueda no válidos",
    .search_failed = "Ahora no se puede buscar en los mensajes",
    .report_follows = "Sigue el informe de las sesiones anteriores",
    .report_failed = "Ahora no se puede leer el informe",

    .capabilities_follow = "Sigue la lista de capacidades",
    .utf8_enabled = "UTF-8 activado",
    .languages_follow = "Sigue la lista de idiomas:",
    .language_changed = "Idioma cambiado",
    .unknown_language = "Idioma desconocido",
};

} // namespace buzon::pop3
